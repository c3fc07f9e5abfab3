//! Programs that reach other programs, other maps, and samples of the application.

use skep_isa::Call;
use skep_isa::text::{Names, assemble_with};
use skep_maps::{Map, MapSpec, ProgramHandle};
use skep_platform::MapType;
use skep_vm::{FaultKind, Hook, Program, ProgramSpec};
use std::sync::Arc;

struct Helpers;

impl Names for Helpers {
    fn call(&self, name: &str) -> Option<Call> {
        Some(Call::Helper(skep_platform::helper::by_name(name)?.id as i32))
    }
}

fn load(name: &str, text: &str, maps: &[&Map]) -> Program {
    let insns = assemble_with(text, &Helpers).unwrap_or_else(|e| panic!("{e}")).slots;
    let mut spec = ProgramSpec::new(name, Hook::memory(), insns);
    spec.maps = maps.iter().map(|&m| m.clone()).collect();
    Program::unproved(spec).unwrap_or_else(|e| panic!("{e}"))
}

/// The context is the program's first argument only where it is a context; any will do for a hook without one.
struct Empty;

impl skep_vm::Context for Empty {
    fn name(&self) -> &str {
        "empty"
    }
    fn load(&mut self, off: i64, size: usize) -> Result<skep_vm::context::Loaded, skep_vm::context::Refusal> {
        Err(skep_vm::context::Refusal::no_field("empty", off, size))
    }
}

#[test]
fn tail_calls_end_after_33() {
    let programs = Map::create(MapSpec::new(MapType::ProgArray, 4, 4, 2)).unwrap();
    let counts = Map::create(MapSpec::new(MapType::Array, 4, 8, 1)).unwrap();
    let text = "
        r6 = r1
        r1 = map_idx_value[1]
        r2 = *(u64 *)(r1 + 0)
        r2 += 1
        *(u64 *)(r1 + 0) = r2
        r1 = r6
        r2 = map_idx[0]
        r3 = 0
        call tail_call
        r1 = map_idx_value[1]
        r0 = *(u64 *)(r1 + 0)
        exit
    ";
    let program = load("again", text, &[&programs, &counts]);
    let handle = ProgramHandle { id: 1, program: Arc::new(program.clone()) };
    programs.set_program(0, handle).unwrap();
    assert_eq!(program.run(&mut Empty).unwrap().value, 34, "the first and 33 more");
    programs.clear_programs();
}

#[test]
fn a_tail_call_gives_up_nothing_held() {
    let programs = Map::create(MapSpec::new(MapType::ProgArray, 4, 4, 2)).unwrap();
    let ring = Map::create(MapSpec::new(MapType::Ringbuf, 0, 0, 4096)).unwrap();
    let text = "
        r6 = r1
        r1 = map_idx[1]
        r2 = 8
        r3 = 0
        call ringbuf_reserve
        r1 = r6
        r2 = map_idx[0]
        r3 = 0
        call tail_call
        r0 = 0
        exit
    ";
    let program = load("holder", text, &[&programs, &ring]);
    let handle = ProgramHandle { id: 1, program: Arc::new(program.clone()) };
    programs.set_program(0, handle).unwrap();
    assert_eq!(program.run(&mut Empty).unwrap_err().kind, FaultKind::Leak);
    programs.clear_programs();
}

#[test]
fn maps_in_maps_have_their_own_bounds() {
    let inner = MapSpec::new(MapType::Array, 4, 8, 4).named("inner");
    let outer = Map::create(MapSpec::new(MapType::ArrayOfMaps, 4, 4, 2).with_inner(inner.clone())).unwrap();
    let inner = Map::create(inner).unwrap();
    inner.update(&2u32.to_ne_bytes(), &77u64.to_ne_bytes(), 0).unwrap();
    outer.set_map(&1u32.to_ne_bytes(), &inner, 0).unwrap();
    let text = "
        *(u32 *)(r10 - 4) = 1
        r1 = map_idx[0]
        r2 = r10
        r2 += -4
        call map_lookup_elem
        if r0 == 0 goto out
        *(u32 *)(r10 - 4) = 2
        r1 = r0
        r2 = r10
        r2 += -4
        call map_lookup_elem
        if r0 == 0 goto out
        r0 = *(u64 *)(r0 + OFF)
    out:
        exit
    ";
    let inside = load("inside", &text.replace("OFF", "0"), &[&outer]);
    assert_eq!(inside.run(&mut Empty).unwrap().value, 77);
    let outside = load("outside", &text.replace("OFF", "8"), &[&outer]);
    let fault = outside.run(&mut Empty).unwrap_err();
    assert_eq!(
        fault.message,
        "8-byte load through r0 ends 8 bytes past the end of a 8-byte value of map `inner`"
    );
}

#[test]
fn samples_of_the_application_are_dynptrs() {
    let ring = Map::create(MapSpec::new(MapType::UserRingbuf, 0, 0, 4096)).unwrap();
    let producer = ring.user_ring().unwrap();
    assert!(producer.produce(&5u64.to_ne_bytes()) && producer.produce(&6u64.to_ne_bytes()));
    let text = "
        *(u64 *)(r10 - 8) = 0
        r1 = map_idx[0]
        r2 = func[each]
        r3 = r10
        r3 += -8
        r4 = 0
        call user_ringbuf_drain
        r1 = *(u64 *)(r10 - 8)
        r0 <<= 8
        r0 |= r1
        exit
    each:
        r6 = r2
        r3 = r1
        r1 = r10
        r1 += -8
        r2 = 8
        r4 = 0
        r5 = 0
        call dynptr_read
        if r0 != 0 goto end
        r1 = *(u64 *)(r10 - 8)
        r2 = *(u64 *)(r6 + 0)
        r2 += r1
        *(u64 *)(r6 + 0) = r2
        r0 = 0
    end:
        exit
    ";
    assert_eq!(load("drain", text, &[&ring]).run(&mut Empty).unwrap().value, 0x20b);
}
