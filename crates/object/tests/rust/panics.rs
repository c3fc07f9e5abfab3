//! A program with a panic that the compiler cannot prove away: an index that nobody checked.

#![no_std]

#[unsafe(no_mangle)]
pub static TABLE: [u32; 4] = [1, 2, 3, 4];

#[unsafe(link_section = "socket")]
#[unsafe(no_mangle)]
pub extern "C" fn unchecked(context: &u32) -> u32 {
    // SAFETY: it is initialised.
    let table = unsafe { (&raw const TABLE).read_volatile() };
    table[*context as usize]
}

#[unsafe(link_section = "socket")]
#[unsafe(no_mangle)]
pub extern "C" fn checked(context: &u32) -> u32 {
    // SAFETY: it is initialised.
    let table = unsafe { (&raw const TABLE).read_volatile() };
    table.get(*context as usize).copied().unwrap_or(0)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}
