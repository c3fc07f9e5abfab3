//! An XDP program in Rust: counts IPv4 packets by protocol and drops those to a UDP port that the application chooses.

#![no_std]

use core::ffi::c_void;
use core::mem::transmute;

/// The context of XDP, as `linux/bpf.h` has it.
#[repr(C)]
pub struct Xdp {
    data: u32,
    data_end: u32,
}

const DROP: i32 = 1;
const PASS: i32 = 2;

const ETHERNET: usize = 14;
const IPV4: u16 = 0x0800;
const UDP: u8 = 17;

/// A map's definition: numbers are lengths of arrays that nobody makes, types are what pointers point to.
#[repr(C)]
pub struct Definition<K, V, const TYPE: usize, const ENTRIES: usize> {
    r#type: *const [i32; TYPE],
    max_entries: *const [i32; ENTRIES],
    key: *const K,
    value: *const V,
}

// SAFETY: nothing is ever written to it.
unsafe impl<K, V, const TYPE: usize, const ENTRIES: usize> Sync for Definition<K, V, TYPE, ENTRIES> {}

#[unsafe(link_section = ".maps")]
#[unsafe(no_mangle)]
pub static packets: Definition<u32, u64, 2, 256> = Definition {
    r#type: core::ptr::null(),
    max_entries: core::ptr::null(),
    key: core::ptr::null(),
    value: core::ptr::null(),
};

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
pub static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// The UDP port whose packets are dropped. Read with `read_volatile`: the loader may give it another value.
#[unsafe(no_mangle)]
pub static closed_port: u16 = 9;

/// `bpf_map_lookup_elem`
fn look_up<K, V, const T: usize, const N: usize>(map: &Definition<K, V, T, N>, key: &K) -> Option<&'static mut V> {
    type Helper = unsafe extern "C" fn(*const c_void, *const c_void) -> *mut c_void;
    // SAFETY: helper 1 is called by its number, and gives a value of the map or null.
    unsafe {
        let helper: Helper = transmute(1usize);
        helper((&raw const *map).cast(), (&raw const *key).cast()).cast::<V>().as_mut()
    }
}

/// What stands at `at`, unless it reaches past the packet's end.
#[inline(always)]
fn field<T: Copy>(context: &Xdp, at: usize) -> Option<T> {
    let start = context.data as usize + at;
    if start + size_of::<T>() > context.data_end as usize {
        return None;
    }
    // SAFETY: the bytes are of the packet, as just seen.
    Some(unsafe { (start as *const T).read_unaligned() })
}

#[inline(always)]
fn count(protocol: u8) {
    if let Some(value) = look_up(&packets, &u32::from(protocol)) {
        *value += 1;
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn is_closed(port: u16) -> bool {
    // SAFETY: it is initialised.
    u16::from_be(port) == unsafe { (&raw const closed_port).read_volatile() }
}

#[inline(always)]
fn judge(context: &Xdp) -> Option<i32> {
    if u16::from_be(field(context, 12)?) != IPV4 {
        return None;
    }
    let protocol = field(context, ETHERNET + 9)?;
    count(protocol);
    // A header of 20 bytes alone: options are let through.
    let length: u8 = field(context, ETHERNET)?;
    if protocol == UDP && length & 15 == 5 && is_closed(field(context, ETHERNET + 20 + 2)?) {
        return Some(DROP);
    }
    None
}

#[unsafe(link_section = "xdp")]
#[unsafe(no_mangle)]
pub extern "C" fn gate(context: &Xdp) -> i32 {
    judge(context).unwrap_or(PASS)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}
