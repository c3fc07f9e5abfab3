//! What live tests attach to: namespaces, interfaces, cgroups and programs of their own, gone when the test is.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;

use skep_isa::text::assemble;
use skep_platform::errno::ENOENT;
use skep_platform::{AttachType, MapType, ProgramType};

use crate::calls_test::skipped;
use crate::{LoadRequest, Map, MapRequest, Program, prog_load};

/// Runs `test` on a thread with network and mount namespaces of its own, which end with it; says so when it cannot.
pub(crate) fn in_namespaces(name: &'static str, test: impl FnOnce() + Send + 'static) {
    if skipped(name) {
        return;
    }
    let thread = std::thread::spawn(move || {
        // SAFETY: calls without addresses that matter; they change this thread alone.
        let parted = unsafe { libc::unshare(libc::CLONE_NEWNET | libc::CLONE_NEWNS) } == 0;
        // Mounts made below must not spread to the others.
        // SAFETY: the strings are C strings; null means what it means to mount(2).
        let private = parted
            && unsafe {
                let null = std::ptr::null();
                libc::mount(null, c"/".as_ptr(), null, libc::MS_REC | libc::MS_PRIVATE, null.cast()) == 0
            };
        if !private {
            eprintln!("SKIPPED {name}: namespaces: {}", std::io::Error::last_os_error());
            return;
        }
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in this thread's namespaces; whether it did what it was told.
pub(crate) fn ip(words: &str) -> bool {
    Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success())
}

/// A pair of interfaces, both up; their numbers. Says so when it cannot be made.
pub(crate) fn pair(name: &str) -> Option<(u32, u32)> {
    let made = ["link add left type veth peer name right", "link set left up", "link set right up"];
    if !made.into_iter().all(ip) {
        eprintln!("SKIPPED {name}: `ip` cannot make a veth pair");
        return None;
    }
    Some((interface(c"left"), interface(c"right")))
}

/// The number of an interface.
pub(crate) fn interface(name: &std::ffi::CStr) -> u32 {
    // SAFETY: a C string that outlives the call.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}

/// A raw socket that sends frames on an interface.
pub(crate) fn send_frames(interface: u32, frame: &[u8], times: usize) {
    // SAFETY: calls with structs and slices that are live, their sizes beside them; the socket is closed at the end.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0, "{}", std::io::Error::last_os_error());
        let mut to: libc::sockaddr_ll = std::mem::zeroed();
        (to.sll_family, to.sll_ifindex, to.sll_halen) = (libc::AF_PACKET as u16, interface as i32, 6);
        for _ in 0..times {
            let len = size_of::<libc::sockaddr_ll>() as u32;
            let sent =
                libc::sendto(socket, frame.as_ptr().cast(), frame.len(), 0, (&raw const to).cast(), len);
            assert_eq!(sent, frame.len() as isize, "{}", std::io::Error::last_os_error());
        }
        libc::close(socket);
    }
}

/// A UDP datagram over IPv4 in an Ethernet frame to everybody.
pub(crate) fn datagram(source: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(source);
    frame.extend([10, 9, 9, 9, 0x12, 0x34, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    frame
}

/// A program that counts its runs in the first element of an array and returns `ret`. With `only`, runs for other
/// processes than that do not count.
pub(crate) fn counter(
    program_type: ProgramType,
    attach: Option<AttachType>,
    btf_id: u32,
    ret: i32,
    only: Option<u32>,
) -> (Program, Map) {
    let map = Map::create(&MapRequest::new(MapType::Array, 4, 8, 1)).expect("creates");
    let filter = only.map_or(String::new(), |pid| format!("call 14\nr0 >>= 32\nif r0 != {pid} goto out\n"));
    let text = format!(
        "{filter}
        *(u32 *)(r10 -4) = 0
        r2 = r10
        r2 += -4
        r1 = map_fd[{}]
        call 1
        if r0 == 0 goto out
        r1 = 1
        lock *(u64 *)(r0 +0) += r1
        out: r0 = {ret}
        exit",
        std::os::fd::AsRawFd::as_raw_fd(&map.as_fd())
    );
    let insns = assemble(&text).expect("assembles");
    let request = LoadRequest {
        attach,
        name: "skep_counter",
        attach_btf_id: btf_id,
        ..LoadRequest::new(program_type, &insns)
    };
    let fd = prog_load(&request).unwrap_or_else(|refused| panic!("{refused}\n{}", refused.log));
    (Program::from_fd(fd).expect("is a program"), map)
}

/// What a counter has counted.
pub(crate) fn count(map: &Map) -> u64 {
    let bytes = map.lookup(&[0; 4]).expect("is there");
    u64::from_ne_bytes(bytes.try_into().expect("8 bytes"))
}

/// Waits, not for ever, until something is true: packets are handled a little after they are sent.
pub(crate) fn soon(mut done: impl FnMut() -> bool) -> bool {
    (0..500).any(|_| {
        let yes = done();
        if !yes {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        yes
    })
}

/// A cgroup of its own; removed when dropped.
pub(crate) struct Cgroup(pub(crate) PathBuf);

impl Cgroup {
    /// Makes one below the first version 2 mount.
    pub(crate) fn new(name: &str) -> Result<Cgroup, String> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let root = fields.find(|fields| fields.get(2) == Some(&"cgroup2")).map(|fields| fields[1].to_owned());
        let path =
            PathBuf::from(root.ok_or(ENOENT.to_string())?).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| error.to_string())?;
        Ok(Cgroup(path))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that has just ended may still be counted as in it.
        soon(|| std::fs::remove_dir(&self.0).is_ok());
    }
}
