//! Where packets are sent.

use skep_maps::{Map, MapSpec};
use skep_platform::{MapType, ProgramType};
use skep_vm::FaultKind;
use skep_vm::net::{Device, Emitted, Environment, MapTarget, Redirect, Route};

use crate::{assert_fault, fault, frame, program, skb, value, xdp};

fn devmap() -> Map {
    let map = Map::create(MapSpec::new(MapType::Devmap, 4, 4, 8)).unwrap();
    for (key, ifindex) in [(1u32, 7u32), (5, 9)] {
        map.update(&key.to_ne_bytes(), &ifindex.to_ne_bytes(), 0).unwrap();
    }
    map
}

#[test]
fn xdp_redirects_to_an_interface() {
    let p = program(ProgramType::Xdp, "r1 = 5\nr2 = 0\ncall 23\nexit", &[]);
    let mut context = xdp(Environment::default());
    assert_eq!(value(&p, &mut context), 4);
    assert_eq!(context.redirect, Some(Redirect::Interface { ifindex: 5, ingress: false }));
    let p = program(ProgramType::Xdp, "r1 = 5\nr2 = 1\ncall 23\nexit", &[]);
    assert_eq!(value(&p, &mut xdp(Environment::default())), 0);
}

#[test]
fn maps_redirect_or_give_the_default() {
    let maps = [devmap()];
    let name = maps[0].name().to_owned();
    let run = |key: u32, flags: u32| {
        let text = format!("r1 = map_idx[0]\nr2 = {key}\nr3 = {flags}\ncall 51\nexit");
        let mut context = xdp(Environment::default());
        (value(&program(ProgramType::Xdp, &text, &maps), &mut context), context.redirect)
    };
    let target = MapTarget::Interface(7);
    assert_eq!(run(1, 0), (4, Some(Redirect::Map { map: name.clone(), key: 1, target })));
    assert_eq!(run(2, 2), (2, None));
    assert_eq!(run(99, 0), (0, None));
    assert_eq!(run(1, 4), (0, None));
    let all = Redirect::Broadcast { map: name, ifindexes: vec![7, 9], exclude_ingress: true };
    assert_eq!(run(0, 24), (4, Some(all)));
}

#[test]
fn tc_redirects_in_every_way() {
    let mut devices = Environment::default();
    devices.devices.add(Device::ethernet(5, "eth0", [1; 6]));
    let mut context = skb(ProgramType::SchedCls, devices);
    let mut run = |text: &str| {
        context.reset(&frame());
        let r0 = value(&program(ProgramType::SchedCls, text, &[]), &mut context);
        (r0, context.redirect.take(), std::mem::take(&mut context.emitted))
    };
    let ingress = Redirect::Interface { ifindex: 5, ingress: true };
    assert_eq!(run("r1 = 5\nr2 = 1\ncall 23\nexit"), (7, Some(ingress.clone()), vec![]));
    assert_eq!(run("r1 = 5\nr2 = 2\ncall 23\nexit"), (2, None, vec![]));
    assert_eq!(run("r1 = 5\nr2 = 0\ncall 155\nexit"), (7, Some(Redirect::Peer { ifindex: 5 }), vec![]));
    let neighbour = "r1 = 0x0100000a00000002 ll\n*(u64 *)(r10 - 24) = r1\nr1 = 0\n*(u64 *)(r10 - 16) = r1\n\
                     *(u64 *)(r10 - 8) = r1\nr1 = 5\nr2 = r10\nr2 += -24\nr3 = 20\nr4 = 0\ncall 152\nexit";
    let next_hop = Some("10.0.0.1".parse().unwrap());
    assert_eq!(run(neighbour), (7, Some(Redirect::Neighbour { ifindex: 5, next_hop }), vec![]));
    let emitted = vec![Emitted { frame: frame(), to: ingress }];
    assert_eq!(run("r2 = 5\nr3 = 1\ncall 13\nexit"), (0, None, emitted));
    assert_eq!(run("r2 = 6\nr3 = 1\ncall 13\nexit"), (-22i64 as u64, None, vec![]));
}

#[test]
fn routes_answer_xdp_programs() {
    let mut env = Environment::default();
    let mac = [2, 2, 2, 2, 2, 2];
    let at = |text: &str| text.parse().unwrap();
    env.devices.add(Device::ethernet(5, "eth0", [1; 6]));
    env.fib.add_route(Route::unicast(at("10.0.0.0"), 8, 5, None));
    env.fib.add_neighbour(5, at("10.0.0.1"), mac);
    // Family 2 and interface 1; destination 10.0.0.1.
    let mut text = String::from("r6 = r1\nr1 = 0\n");
    for slot in 1..=8 {
        text += &format!("*(u64 *)(r10 - {}) = r1\n", 8 * slot);
    }
    text += "*(u8 *)(r10 - 64) = 2\n*(u32 *)(r10 - 56) = 1\n*(u32 *)(r10 - 32) = 0x0100000a\n\
             r1 = r6\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall 69\nif r0 != 0 goto out\n\
             r0 = *(u32 *)(r10 - 56)\nr1 = *(u8 *)(r10 - 1)\nr0 <<= 8\nr0 |= r1\nout:\nexit";
    assert_eq!(value(&program(ProgramType::Xdp, &text, &[]), &mut xdp(env)), 0x0502);
}

#[test]
fn helpers_stay_with_their_context() {
    let p = program(ProgramType::Xdp, "r2 = 0\nr3 = 0\ncall 18\nexit", &[]);
    assert_fault(&fault(&p, &mut xdp(Environment::default())), FaultKind::Unsupported, "xdp_md");
}
