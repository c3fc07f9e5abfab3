//! Route look-ups: a network namespace of our own and an environment with the same routes must answer alike.

use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;

use skep_platform::ProgramType;
use skep_vm::net::{Device, Environment, Route, RouteKind, TABLE_LOCAL, XdpContext};
use skep_vm::{Hook, Program, ProgramSpec};

use crate::rng::Rng;
use crate::{in_kernel, mix_asm, packet, run, skipped};

/// Makes the namespace's network: a pair of interfaces, a router behind one of them, routes of every kind.
const SETUP: &str = "set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 address 02:00:00:00:00:05 mtu 1400
ip link set v1 up
ip addr add 192.168.0.2/24 dev v0
ip link set v0 up
ip route add 10.0.0.0/8 via 192.168.0.1
ip route add 10.1.0.0/16 via 192.168.0.1 mtu lock 600
ip route add 10.2.0.0/16 via 192.168.0.77 metric 5
ip route add prohibit 11.0.0.0/8
ip route add blackhole 12.0.0.0/8
ip route add unreachable 13.0.0.0/8
ip route add 14.0.0.0/8 via 192.168.0.1 table 77
ip neigh add 192.168.0.1 lladdr 02:00:00:00:00:09 dev v0 nud permanent
echo 1 > /proc/sys/net/ipv4/conf/lo/forwarding
ip -o link show v0 | cut -d: -f1";

/// Destinations with a story, and the edges of prefixes.
const TO: [[u8; 4]; 14] = [
    [10, 0, 0, 1],
    [10, 1, 2, 3],
    [10, 2, 2, 3],
    [10, 255, 255, 255],
    [11, 0, 0, 0],
    [12, 1, 1, 1],
    [13, 1, 1, 1],
    [14, 1, 1, 1],
    [9, 9, 9, 9],
    [192, 168, 0, 1],
    [192, 168, 0, 2],
    [192, 168, 0, 255],
    [192, 168, 0, 9],
    [127, 0, 0, 1],
];

fn environment(v0: u32) -> Environment {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let mut env = Environment::default();
    let mac = [2, 0, 0, 0, 0, 5];
    env.devices.add(Device { mtu: 1400, forwarding: false, ..Device::ethernet(v0, "v0", mac) });
    let gateway = Some(ip("192.168.0.1"));
    let via = |to: &str, len, gateway| Route {
        source: Some(ip("192.168.0.2")),
        ..Route::unicast(ip(to), len, v0, gateway)
    };
    let kind = |to: &str, len, kind| Route { kind, ..Route::unicast(ip(to), len, v0, None) };
    let local = |to: &str, len| Route { table: TABLE_LOCAL, ..kind(to, len, RouteKind::Local) };
    for route in [
        via("192.168.0.0", 24, None),
        via("10.0.0.0", 8, gateway),
        Route { mtu: Some(600), ..via("10.1.0.0", 16, gateway) },
        Route { metric: 5, ..via("10.2.0.0", 16, Some(ip("192.168.0.77"))) },
        kind("11.0.0.0", 8, RouteKind::Prohibit),
        kind("12.0.0.0", 8, RouteKind::Blackhole),
        kind("13.0.0.0", 8, RouteKind::Unreachable),
        Route { table: 77, ..via("14.0.0.0", 8, gateway) },
        local("127.0.0.0", 8),
        local("192.168.0.2", 32),
        Route { kind: RouteKind::Broadcast, ..local("192.168.0.255", 32) },
    ] {
        env.fib.add_route(route);
    }
    env.fib.add_neighbour(v0, ip("192.168.0.1"), [2, 0, 0, 0, 0, 9]);
    env
}

/// A program that looks up `params` and mixes the answer with all that was written.
fn look_up(params: &[u8; 64], len: u32, flags: u32) -> String {
    let mut text = String::from("r7 = 0\n");
    for (i, word) in params.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(word.try_into().unwrap());
        text += &format!("r2 = {word:#x} ll\n*(u64 *)(r10 - {}) = r2\n", 64 - 8 * i);
    }
    text += &format!("r2 = r10\nr2 += -64\nr3 = {len}\nr4 = {flags}\ncall 69\n{}", mix_asm("r0"));
    for i in 0..8 {
        text += &format!("r1 = *(u64 *)(r10 - {})\n{}", 64 - 8 * i, mix_asm("r1"));
    }
    text + "r0 = r7\nr7 >>= 32\nr0 ^= r7\nw0 = w0\nexit\n"
}

/// What both answer, and the parameters afterwards, word by word: for the report of a difference.
fn words(text: &str, input: &[u8], env: &Arc<Environment>) -> String {
    let call = text.split(&mix_asm("r0")).next().unwrap();
    let ends = std::iter::once("exit\n".to_owned())
        .chain((0..16).map(|i| format!("r0 = *(u32 *)(r10 - {})\nexit\n", 64 - 4 * i)));
    let mut report = String::new();
    for (i, end) in ends.enumerate() {
        let text = format!("{call}{end}");
        let kernel = in_kernel(ProgramType::Xdp, &text, input, None).0;
        let vm = in_vm(&text, input, env);
        let place = if i == 0 { "r0".to_owned() } else { format!("params + {}", 4 * (i - 1)) };
        report += &format!("{place}: kernel {kernel:#x}, vm {vm:#x}\n");
    }
    report
}

fn in_vm(text: &str, input: &[u8], env: &Arc<Environment>) -> u32 {
    let insns = skep_isa::text::assemble(text).unwrap();
    let program = Program::unproved(ProgramSpec::new("fib", Hook::linux(ProgramType::Xdp), insns)).unwrap();
    let mut context = XdpContext::new(env.clone(), None);
    context.reset(input);
    run(&program, &mut context, text)
}

fn compare_lookups(v0: u32) {
    let env = Arc::new(environment(v0));
    let mut rng = Rng(8);
    for _ in 0..600 {
        let mut params = [0; 64];
        params[0] = rng.pick(&[2, 2, 2, 2, 2, 1]);
        params[6..8].copy_from_slice(&rng.pick(&[0u16, 100, 600, 601, 1400, 1401]).to_ne_bytes());
        let ifindex = rng.pick(&[1, 1, 1, v0, 99]);
        params[8..12].copy_from_slice(&ifindex.to_ne_bytes());
        params[16..20].copy_from_slice(&rng.pick(&[[0; 4], [192, 168, 0, 9]]));
        params[32..36].copy_from_slice(&rng.pick(&TO));
        // Output through an interface: loopback has no routes but local ones.
        let flags = rng.pick(&[0, 0, 1, 4, 5, 9, 13, 16, 20, 2, 32, 64]);
        if flags & 8 != 0 {
            params[48..52].copy_from_slice(&rng.pick(&[77u32, 78, 254]).to_ne_bytes());
        }
        let text = look_up(&params, rng.pick(&[64, 64, 64, 63]), flags);
        let input = packet(64, 0x0800);
        let kernel = in_kernel(ProgramType::Xdp, &text, &input, None).0;
        let vm = in_vm(&text, &input, &env);
        assert_eq!(vm, kernel, "flags {flags:#x}, v0 {v0}, {params:?}\n{}", words(&text, &input, &env));
    }
}

#[test]
fn routes_are_found_alike() {
    if skipped("routes_are_found_alike") {
        return;
    }
    // The namespace is the thread's own and goes with it.
    let thread = std::thread::spawn(|| {
        // SAFETY: the call changes nothing but the network namespace of this thread.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!(
                "SKIPPED routes_are_found_alike: no network namespace: {}",
                std::io::Error::last_os_error()
            );
            return;
        }
        let output = Command::new("sh").args(["-c", SETUP]).output();
        let index = output.as_ref().ok().filter(|o| o.status.success());
        match index.and_then(|o| String::from_utf8_lossy(&o.stdout).trim().parse().ok()) {
            Some(v0) => compare_lookups(v0),
            None => eprintln!("SKIPPED routes_are_found_alike: ip(8) cannot make the network: {output:?}"),
        }
    });
    thread.join().expect("the look-ups agree");
}
