//! Values in plain words.

use skep_btf::TypeId;
use skep_isa::Call;

use crate::analysis;
use crate::program::{Input, SymbolKind};
use crate::state::{Reg, RegKind};
use crate::value::Scalar;

/// Numbers above this are shown in hexadecimal.
const SMALL: u64 = 1 << 20;

/// What is known of a number: `5`, `from 0 to 255`, `any number`.
pub fn number(value: &Scalar) -> String {
    if let Some(constant) = value.as_constant() {
        return signed(constant as i64);
    }
    let (u, s) = (value.u64, value.s64);
    let low = value.u32;
    let signed_half = value.s32;
    if u.max <= u64::from(u32::MAX) && u.max > i32::MAX as u64 && signed_half.max < i32::MAX {
        let (min, max) = (signed(signed_half.min.into()), signed(signed_half.max.into()));
        return format!("from {min} to {max} as a signed 32-bit number");
    }
    let all = u.min == 0 && u.max == u64::MAX && s.min == i64::MIN && s.max == i64::MAX;
    if all && (low.min > 0 || low.max < u32::MAX) {
        let (min, max) = (unsigned(low.min.into()), unsigned(low.max.into()));
        return format!("any number, of which only the lower 32 bits are known to be from {min} to {max}");
    }
    match () {
        () if all => "any number".to_owned(),
        () if s.min >= 0 && s.max == i64::MAX => format!("{} or more", unsigned(u.min)),
        () if s.min >= 0 => format!("from {} to {}", unsigned(u.min), unsigned(u.max)),
        () if s.min == i64::MIN && s.max == i64::MAX => {
            format!("from {} to {}", unsigned(u.min), unsigned(u.max))
        }
        () if s.min == i64::MIN => format!("{} or less", signed(s.max)),
        () if s.max == i64::MAX => format!("{} or more", signed(s.min)),
        () => format!("from {} to {}", signed(s.min), signed(s.max)),
    }
}

/// What a register holds: `a number from 0 to 255`, `a map value or NULL`.
pub fn reg(value: &Reg) -> String {
    match value.kind {
        RegKind::Uninit => "no value".to_owned(),
        RegKind::Scalar => match value.as_constant() {
            Some(_) => format!("the number {}", number(&value.value)),
            None => match number(&value.value).strip_prefix("any number") {
                Some(rest) => format!("any number{rest}"),
                None => format!("a number {}", number(&value.value)),
            },
        },
        RegKind::Stack(_) => format!("a pointer to the stack at r10{:+}", value.off),
        _ => {
            let offset = match value.value.as_constant() {
                Some(0) if value.off == 0 => String::new(),
                Some(var) => format!(" at offset {}", signed(i64::from(value.off).wrapping_add(var as i64))),
                None => format!(" at offset {} and {}", value.off, number(&value.value)),
            };
            format!("{value}{offset}")
        }
    }
}

/// The name of what the call at a slot calls: `bpf_map_lookup_elem`, or words where it has none.
pub fn callee(input: &Input, at: usize, call: Call) -> String {
    name(input, at, call).unwrap_or_else(|| match call {
        Call::Helper(id) => format!("helper {id}"),
        Call::Local(_) => "this function".to_owned(),
        Call::Kfunc { .. } => "this kernel function".to_owned(),
    })
}

/// The name of what the call at a slot calls, where it has one.
pub fn name(input: &Input, at: usize, call: Call) -> Option<String> {
    match call {
        Call::Helper(id) => analysis::helper(id).map(|helper| format!("bpf_{}", helper.name)),
        Call::Local(off) => {
            let target = usize::try_from(at as i64 + 1 + i64::from(off)).ok()?;
            let function = input.functions.iter().find(|function| function.start == target)?;
            Some(input.btf.as_ref()?.name_of(function.type_id).to_owned())
        }
        Call::Kfunc { id, .. } => {
            let symbol =
                input.symbols.iter().find(|symbol| symbol.at == at && symbol.kind == SymbolKind::Kfunc);
            if let Some(symbol) = symbol {
                return Some(symbol.name.clone());
            }
            let name = input.kernel_btf.as_ref()?.name_of(TypeId(u32::try_from(id).ok()?)).to_owned();
            Some(name).filter(|name| !name.is_empty())
        }
    }
}

/// A signed number.
pub(crate) fn signed(value: i64) -> String {
    if value.unsigned_abs() <= SMALL {
        value.to_string()
    } else if value < 0 {
        format!("-{:#x}", value.unsigned_abs())
    } else {
        format!("{value:#x}")
    }
}

/// An unsigned number.
pub(crate) fn unsigned(value: u64) -> String {
    if value <= SMALL { value.to_string() } else { format!("{value:#x}") }
}

/// `1 byte`, `2 bytes`.
pub(crate) fn bytes(count: i64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Range, Tnum};

    #[test]
    fn numbers_read_as_a_person_would_say_them() {
        let mut low = Scalar::UNKNOWN;
        low.u32 = Range::new(0, 7);
        let mut negative = Scalar { s64: Range::new(-1, 7), ..Scalar::UNKNOWN };
        negative.settle();
        let cases = [
            (Scalar::constant(5), "5"),
            (Scalar::constant(u64::MAX), "-1"),
            (Scalar::UNKNOWN, "any number"),
            (Scalar::between(0, 255), "from 0 to 255"),
            (Scalar::with_bits(Tnum::new(0, 0xffff_ffff)), "from 0 to 0xffffffff"),
            (low, "any number, of which only the lower 32 bits are known to be from 0 to 7"),
            (negative, "from -1 to 7"),
        ];
        for (value, words) in cases {
            assert_eq!(number(&value), words);
        }
        assert_eq!(reg(&Reg::constant(3)), "the number 3");
        assert_eq!(reg(&Reg::pointer(RegKind::Packet)), "the packet");
    }
}
