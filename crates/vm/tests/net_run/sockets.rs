//! Sockets: found, asked, held, given back.

use std::sync::Arc;

use skep_maps::{Map, MapSpec};
use skep_platform::{MapType, ProgramType};
use skep_vm::FaultKind;
use skep_vm::net::{Environment, SkLookupContext, Socket, Transport, Tuple, Verdict};

use crate::{assert_fault, fault, program, skb, value, xdp};

/// A UDP socket at 10.0.0.1:80 and a TCP listener at any address, port 80.
fn environment() -> Environment {
    let mut env = Environment::default();
    env.sockets.add(Socket { mark: 42, ..Socket::waiting(Transport::Udp, "10.0.0.1:80".parse().unwrap()) });
    env.sockets.add(Socket::waiting(Transport::Tcp, "0.0.0.0:80".parse().unwrap()));
    env
}

/// Puts the tuple 10.0.0.2:258 to 10.0.0.1:80 on the stack and looks it up; the socket, if any, is in r0 and r6.
fn look_up(helper: u32) -> String {
    format!(
        "r2 = 0x0100000a0200000a ll\n*(u64 *)(r10 - 16) = r2\n*(u32 *)(r10 - 8) = 0x50000201\n\
         r2 = r10\nr2 += -16\nr3 = 12\nr4 = -1\nr5 = 0\ncall {helper}\nr6 = r0\n"
    )
}

#[test]
fn found_sockets_show_their_fields_until_they_are_released() {
    let run = |rest: &str| {
        let text = format!("{}if r6 == 0 goto out\n{rest}out:\nr0 = 0\nexit", look_up(85));
        let p = program(ProgramType::Xdp, &text, &[]);
        p.run(&mut xdp(environment())).map(|o| o.value)
    };
    assert_eq!(run("r7 = *(u32 *)(r6 + 16)\nr1 = r6\ncall 86\nr0 = r7\nexit\n").ok(), Some(42));
    assert_fault(&run("r0 = 1\n").unwrap_err(), FaultKind::Leak, "socket");
    let late = run("r1 = r6\ncall 86\nr0 = *(u32 *)(r6 + 16)\nexit\n");
    assert_fault(&late.unwrap_err(), FaultKind::Dead, "socket");
    let twice = run("r1 = r6\ncall 86\nr1 = r6\ncall 86\n");
    assert_fault(&twice.unwrap_err(), FaultKind::Dead, "released");
    let beyond = run("r0 = *(u32 *)(r6 + 80)\nexit\n");
    assert_fault(&beyond.unwrap_err(), FaultKind::OutOfBounds, "socket");
    let store = run("*(u32 *)(r6 + 16) = 1\nexit\n");
    assert_fault(&store.unwrap_err(), FaultKind::Permission, "socket");
}

#[test]
fn a_tcp_socket_has_a_tcp_side_and_a_listener() {
    let text = format!(
        "{}if r6 == 0 goto out\nr1 = r6\ncall 96\nif r0 == 0 goto out\nr7 = *(u32 *)(r0 + 0)\n\
         r1 = r6\ncall 98\nif r0 == 0 goto out\nr7 = *(u32 *)(r0 + 72)\nr1 = r6\ncall 86\nout:\nr0 = r7\nexit",
        look_up(99)
    );
    assert_eq!(value(&program(ProgramType::Xdp, &text, &[]), &mut xdp(environment())), 10);
}

#[test]
fn tc_gives_a_packet_to_a_socket() {
    let text = format!(
        "r7 = r1\n{}if r6 == 0 goto out\nr1 = r7\nr2 = r6\nr3 = 0\ncall 124\nr8 = r0\nr1 = r6\ncall 86\n\
         r1 = r7\ncall 46\nr8 += r0\nout:\nr0 = r8\nexit",
        look_up(85)
    );
    let mut context = skb(ProgramType::SchedCls, environment());
    assert_eq!(value(&program(ProgramType::SchedCls, &text, &[]), &mut context), 1, "0 and the cookie");
    assert_eq!(context.skb.socket, Some(0));
}

#[test]
fn a_sockets_storage_lasts_from_run_to_run() {
    let map = Map::create(MapSpec {
        flags: skep_platform::MapFlags::NO_PREALLOC,
        ..MapSpec::new(MapType::SkStorage, 4, 8, 0)
    })
    .unwrap();
    let text = format!(
        "{}if r6 == 0 goto out\nr1 = map_idx[0]\nr2 = r6\nr3 = 0\nr4 = 1\ncall 107\nif r0 == 0 goto out\n\
         r7 = *(u64 *)(r0 + 0)\nr7 += 1\n*(u64 *)(r0 + 0) = r7\nr1 = r6\ncall 86\nr0 = r7\nexit\nout:\nr0 = 0\nexit",
        look_up(85)
    );
    let p = program(ProgramType::SchedCls, &text, &[map]);
    let mut context = skb(ProgramType::SchedCls, environment());
    assert_eq!([1, 2, 3].map(|_| value(&p, &mut context)), [1, 2, 3]);
}

#[test]
fn sk_lookup_programs_choose() {
    let at = |text: &str| text.parse().unwrap();
    let tuple =
        Tuple { transport: Transport::Udp, remote: at("10.0.0.2:258"), local: at("10.0.0.1:80"), ifindex: 1 };
    let mut context = SkLookupContext::new(Arc::new(environment()), tuple);
    let text = format!(
        "r7 = r1\nr8 = *(u32 *)(r1 + 60)\n{}if r6 == 0 goto out\nr1 = r7\nr2 = r6\nr3 = 0\ncall 124\nr8 += r0\n\
         r1 = r6\ncall 86\nout:\nr0 = 1\nif r8 == 80 goto +1\nr0 = 0\nexit",
        look_up(85)
    );
    let r0 = value(&program(ProgramType::SkLookup, &text, &[]), &mut context);
    assert_eq!((Verdict::of(ProgramType::SkLookup, r0).name, context.selected), ("SK_PASS", Some(0)));
}

#[test]
fn what_was_not_looked_up_is_not_released() {
    let mut context = skb(ProgramType::SchedCls, environment());
    context.skb.socket = Some(0);
    let text = "r1 = *(u64 *)(r1 + 168)\nr0 = *(u32 *)(r1 + 12)\nif r0 != 17 goto +1\ncall 86\nexit";
    let p = program(ProgramType::SchedCls, text, &[]);
    assert_fault(&fault(&p, &mut context), FaultKind::Argument, "not acquired");
}
