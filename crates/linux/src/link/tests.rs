//! Each hook attaches, fires, is exchanged where the kernel can, and lets go.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;

use skep_btf::{Btf, Kind};
use skep_platform::errno::{EBUSY, EPERM};
use skep_platform::{AttachType, ProgramType};

use crate::calls_test::skipped;
use crate::load::tests::example;
use crate::sandbox::{Cgroup, count, counter, datagram, in_namespaces, ip, pair, send_frames, soon};
use crate::{Anchor, Hook, LinkPlace, Loader, Map, NetfilterHook, Order, UserProbe, XdpMode};

/// Packets and bytes that doorman has seen from a source.
fn seen(visitors: &Map, source: [u8; 4]) -> (u64, u64) {
    let value = visitors.lookup(&source).unwrap_or(vec![0; 40]);
    let number = |at: usize| u64::from_ne_bytes(value[at..at + 8].try_into().expect("8 bytes"));
    (number(0), number(8))
}

#[test]
fn xdp_counts_and_is_exchanged() {
    in_namespaces("xdp_counts_and_is_exchanged", || {
        let Some((left, right)) = pair("xdp_counts_and_is_exchanged") else { return };
        let object = example("doorman.bpf.o");
        let loaded = Loader::new(&object).load().expect("loads");
        let (program, visitors) =
            (loaded.program("doorman").expect("is there"), loaded.map("visitors").expect("is there"));
        for (mode, source) in [(XdpMode::Native, [10, 0, 0, 1]), (XdpMode::Generic, [10, 0, 0, 2])] {
            let hook = Hook::Xdp { interface: right, mode };
            let link = program.attach(&hook).expect("attaches");
            let info = link.info().expect("is told");
            assert_eq!(
                (info.place.clone(), info.program),
                (LinkPlace::Xdp(right), program.info().expect("is told").id)
            );
            let refused = program.attach(&hook).expect_err("one is there");
            assert_eq!(refused.errno, EBUSY);
            assert!(refused.to_string().contains("detach it or update its link"), "{refused}");

            let frame = datagram(source);
            send_frames(left, &frame, 50);
            assert!(
                soon(|| seen(visitors, source) == (50, 50 * frame.len() as u64)),
                "{:?}",
                seen(visitors, source)
            );

            let (other, counted) = counter(ProgramType::Xdp, Some(AttachType::Xdp), 0, 1, None);
            assert_eq!(link.update_from(&other, &other), Err(EPERM), "another one is behind it");
            assert_eq!(link.update_from(program, &other), Ok(()));
            assert_eq!(link.info().expect("is told").program, other.info().expect("is told").id);
            send_frames(left, &frame, 30);
            assert!(soon(|| count(&counted) >= 30));
            assert_eq!(seen(visitors, source).0, 50, "the old program saw none of them");

            assert_eq!(link.detach(), Ok(()));
            assert_eq!(link.info().expect("is told").place, LinkPlace::Xdp(0));
        }
    });
}

#[test]
fn tcx_programs_run_in_order() {
    in_namespaces("tcx_programs_run_in_order", || {
        let Some((left, right)) = pair("tcx_programs_run_in_order") else { return };
        // -1 lets the next program look, 2 drops.
        let (first, saw) = counter(ProgramType::SchedCls, None, 0, -1, None);
        let (second, dropped) = counter(ProgramType::SchedCls, None, 0, 2, None);
        let hook = |order| Hook::Tcx { interface: right, ingress: true, order };
        let last = second.attach(&hook(Order::Last)).expect("attaches");
        let link = first.attach(&hook(Order::Before(Anchor::Link(&last)))).expect("attaches");
        send_frames(left, &datagram([10, 0, 0, 1]), 10);
        assert!(soon(|| count(&saw) >= 10 && count(&dropped) >= 10));
        let place = LinkPlace::Tcx { interface: right, attach: Some(AttachType::TcxIngress) };
        assert_eq!(link.info().expect("is told").place, place);
        // A program that drops comes in the place of the one that let pass: the last sees nothing more.
        let (third, third_dropped) = counter(ProgramType::SchedCls, None, 0, 2, None);
        assert_eq!(link.update(&third), Ok(()));
        let before = count(&dropped);
        send_frames(left, &datagram([10, 0, 0, 1]), 10);
        assert!(soon(|| count(&third_dropped) >= 10));
        assert_eq!(count(&dropped), before);
        drop(last);
    });
}

#[test]
fn hooks_of_a_network_namespace() {
    in_namespaces("hooks_of_a_network_namespace", || {
        if !ip("link set lo up") {
            eprintln!("SKIPPED hooks_of_a_network_namespace: `ip` is missing");
            return;
        }
        let netns = File::open("/proc/thread-self/ns/net").expect("opens");
        let (lookup, looked) = counter(ProgramType::SkLookup, Some(AttachType::SkLookup), 0, 1, None);
        let hook = Hook::Netns { netns: netns.as_fd(), attach: AttachType::SkLookup };
        let link = lookup.attach(&hook).expect("attaches");
        let (filter, filtered) = counter(ProgramType::Netfilter, Some(AttachType::Netfilter), 0, 1, None);
        let place = NetfilterHook { family: 2, hook: 3, priority: 5, defragment: false };
        let out = filter.attach(&Hook::Netfilter(place)).expect("attaches");
        let told = LinkPlace::Netfilter { family: 2, hook: 3, priority: 5 };
        assert_eq!(out.info().expect("is told").place, told);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
        socket.send_to(b"?", socket.local_addr().expect("is bound")).expect("sends");
        assert!(count(&filtered) >= 1);
        assert!(soon(|| count(&looked) >= 1));
        assert_eq!(link.detach(), Ok(()));
        let (flow, _) = counter(ProgramType::FlowDissector, Some(AttachType::FlowDissector), 0, 0, None);
        let hook = Hook::Netns { netns: netns.as_fd(), attach: AttachType::FlowDissector };
        flow.attach(&hook).expect("attaches");
    });
}

#[test]
fn cgroups() {
    if skipped("cgroups") {
        return;
    }
    let cgroup = match Cgroup::new("skep-links") {
        Ok(cgroup) => cgroup,
        Err(why) => return eprintln!("SKIPPED cgroups: no cgroup: {why}"),
    };
    let directory = File::open(&cgroup.0).expect("opens");
    let attach = AttachType::CgroupInet4Connect;
    let (program, counted) = counter(ProgramType::CgroupSockAddr, Some(attach), 0, 1, None);
    let hook = Hook::Cgroup { cgroup: directory.as_fd(), attach, order: Order::Last };
    let link = program.attach(&hook).expect("attaches");
    let connect = || {
        let script = format!("echo $$ > {}/cgroup.procs && : > /dev/udp/127.0.0.1/9", cgroup.0.display());
        let status = std::process::Command::new("bash").args(["-c", &script]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !connect() {
        return eprintln!("SKIPPED cgroups: no bash that connects");
    }
    assert_eq!(count(&counted), 1);
    let (refusing, refused) = counter(ProgramType::CgroupSockAddr, Some(attach), 0, 0, None);
    assert_eq!(link.update(&refusing), Ok(()));
    assert!(!connect(), "0 refuses");
    assert_eq!((count(&counted), count(&refused)), (1, 1));
    drop(link);
    assert!(connect());
    assert_eq!(count(&refused), 1);
}

/// Makes a system call that a probe of system calls sees.
fn call_the_kernel() {
    // SAFETY: a call without arguments.
    unsafe { libc::syscall(libc::SYS_getppid) };
}

#[test]
fn tracepoints() {
    in_namespaces("tracepoints", || {
        let me = Some(std::process::id());
        let (raw, counted) = counter(ProgramType::RawTracepoint, None, 0, 0, me);
        let link = raw.attach(&Hook::RawTracepoint("sys_enter")).expect("attaches");
        call_the_kernel();
        assert!(count(&counted) >= 1);
        assert_eq!(link.info().expect("is told").place, LinkPlace::RawTracepoint("sys_enter".into()));
        let missing = raw.attach(&Hook::RawTracepoint("sys_entrance")).expect_err("no such tracepoint");
        assert!(missing.to_string().ends_with("there is no tracepoint of that name"), "{missing}");
        drop(link);
        let before = count(&counted);
        call_the_kernel();
        assert_eq!(count(&counted), before, "a dropped link is off its hook");

        let btf = Btf::running().expect("the kernel has types");
        let id = btf.find("btf_trace_sys_enter", Kind::Typedef).expect("is a tracepoint").0;
        let (typed, counted) = counter(ProgramType::Tracing, Some(AttachType::TraceRawTp), id, 0, me);
        let link = typed.attach(&Hook::Tracing).expect("attaches");
        call_the_kernel();
        assert!(count(&counted) >= 1);
        // The kernel makes the same kind of link of both.
        assert_eq!(link.info().expect("is told").place, LinkPlace::RawTracepoint("sys_enter".into()));

        // SAFETY: C strings; the mount is in this thread's own namespace.
        let mounted = unsafe {
            let target = c"/sys/kernel/tracing".as_ptr();
            libc::mount(c"tracefs".as_ptr(), target, c"tracefs".as_ptr(), 0, std::ptr::null()) == 0
        };
        if !mounted {
            return eprintln!("SKIPPED tracepoints (of tracefs): it cannot be mounted");
        }
        let (program, counted) = counter(ProgramType::Tracepoint, None, 0, 0, me);
        let hook = Hook::Tracepoint { category: "syscalls", name: "sys_enter_getppid", cookie: 7 };
        let link = program.attach(&hook).expect("attaches");
        call_the_kernel();
        assert_eq!(count(&counted), 1);
        assert_eq!(link.info().expect("is told").place, LinkPlace::PerfEvent);
    });
}

#[test]
fn iterators_walk_when_read() {
    if skipped("iterators_walk_when_read") {
        return;
    }
    let btf = Btf::running().expect("the kernel has types");
    let id = btf.find("bpf_iter_task", Kind::Func).expect("is an iterator").0;
    let (program, counted) = counter(ProgramType::Tracing, Some(AttachType::TraceIter), id, 0, None);
    let link = program.attach(&Hook::Iterator { map: None }).expect("attaches");
    assert_eq!(link.info().expect("is told").place, LinkPlace::Iterator("task".into()));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut link.read_iterator().expect("opens"), &mut text).expect("reads");
    assert!(text.is_empty() && count(&counted) >= 2, "{}", count(&counted));
}

#[inline(never)]
extern "C" fn probed(number: u64) -> u64 {
    std::hint::black_box(number) + 1
}

/// File offset of a function of this program.
fn offset_in_file(address: u64) -> Option<u64> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (start, end, offset) = (hex(start)?, hex(end)?, hex(words.nth(1)?)?);
        (start..end).contains(&address).then(|| address - start + offset)
    })
}

#[test]
fn user_functions() {
    if skipped("user_functions") {
        return;
    }
    let offset = offset_in_file(probed as *const () as u64).expect("is mapped");
    let pid = std::process::id();
    let file = Path::new("/proc/self/exe").canonicalize().expect("has a file");
    let probe = UserProbe { file: &file, offset, ret: false, semaphore: 0, pid: pid as i32, cookie: 0 };
    let calls = 5;
    for (attach, ret) in [(None, false), (None, true), (Some(AttachType::TraceUprobeMulti), false)] {
        let (program, counted) = counter(ProgramType::Kprobe, attach, 0, 0, Some(pid));
        let probe = UserProbe { ret, ..probe };
        let hook = match attach {
            None => Hook::User(probe),
            Some(_) => Hook::UserMulti { probe, offsets: &[offset] },
        };
        let link = match program.attach(&hook) {
            Ok(link) => link,
            Err(refused) => return eprintln!("SKIPPED user_functions: {refused}"),
        };
        (0..calls).for_each(|number| assert_eq!(probed(number), number + 1));
        assert_eq!(count(&counted), calls, "{attach:?} {ret}");
        drop(link);
        probed(0);
        assert_eq!(count(&counted), calls);
    }
}

#[test]
fn samples() {
    if skipped("samples") {
        return;
    }
    let (program, counted) = counter(ProgramType::PerfEvent, None, 0, 0, None);
    // SAFETY: a call without arguments.
    let thread = unsafe { libc::gettid() };
    let link = match program.attach(&Hook::Sample { event: 1, frequency: 1000, pid: thread, cpu: -1 }) {
        Ok(link) => link,
        Err(refused) => return eprintln!("SKIPPED samples: {refused}"),
    };
    // Some work of this thread, which is what the clock counts.
    let sampled =
        (0..100_000_000u64).any(|number| probed(number).is_multiple_of(100_000) && count(&counted) > 0);
    assert!(sampled);
    drop(link);
}
