//! Functions that no symbol names: hand-made objects have one symbol for all of a section's code and calls into its middle.
//!
//! A call within a section carries its target, so each target is a start. Cutting there is only right when the pieces
//! are functions of their own, as Linux asks of every program: none jumps into another, and none runs on into the next.
//! Otherwise nothing is cut, and the call is reported where it stands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use skep_isa::{RawInsn, from_bytes, text};

use super::body::is_local_reference;
use super::functions::{Function, Functions, SLOT};
use super::input::Input;
use crate::Linkage;

/// Opcode of `lddw`.
const LDDW: u8 = 0x18;

/// Cuts functions at the targets of calls that lie inside them.
pub(super) fn split<'a>(input: &Input<'a>, functions: &mut Functions<'a>) {
    for (index, cuts) in inner_targets(input, functions) {
        let whole = functions.list[index].clone();
        if !are_functions(&code(input, &whole), &cuts) {
            continue;
        }
        let offset = |slot: usize| whole.start + slot as u64 * SLOT;
        functions.list[index].end = cuts.first().map_or(whole.end, |&slot| offset(slot));
        let ends = cuts.iter().skip(1).map(|&slot| offset(slot)).chain([whole.end]);
        for (&slot, end) in cuts.iter().zip(ends) {
            functions.push(Function {
                name: Cow::Owned(format!("{}+{slot}", whole.name)),
                section: whole.section,
                start: offset(slot),
                end,
                linkage: Linkage::Static,
            });
        }
    }
}

/// Slots inside functions that calls of the same section name, rising, by function.
fn inner_targets(input: &Input<'_>, functions: &Functions<'_>) -> BTreeMap<usize, Vec<usize>> {
    let all = functions.list.iter().enumerate();
    let by_place: BTreeMap<_, _> = all.map(|(index, f)| ((f.section, f.start), index)).collect();
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for caller in &functions.list {
        let code = code(input, caller);
        let mut slot = 0;
        while let Some(insn) = code.get(slot) {
            let at = caller.start + slot as u64 * SLOT;
            slot += 1 + usize::from(insn.code == LDDW);
            // Where there is a relocation it says what is called, and the number in the instruction means something else.
            if !is_local_reference(insn) || !input.relocs_in(caller.section, at, at + SLOT).is_empty() {
                continue;
            }
            let distance = (i64::from(insn.imm) + 1) * SLOT.cast_signed();
            let Some(target) = at.checked_add_signed(distance) else { continue };
            let before = by_place.range(..=(caller.section, target)).next_back();
            let Some(index) = before.map(|(_, &index)| index) else { continue };
            let inside = &functions.list[index];
            if inside.section == caller.section && inside.start < target && target < inside.end {
                found.entry(index).or_default().push(((target - inside.start) / SLOT) as usize);
            }
        }
    }
    for cuts in found.values_mut() {
        cuts.sort_unstable();
        cuts.dedup();
    }
    found
}

/// Whether code cut at these slots falls into pieces that control enters and leaves by calls and exits alone.
fn are_functions(code: &[RawInsn], cuts: &[usize]) -> bool {
    let piece = |slot: usize| cuts.partition_point(|&cut| cut <= slot);
    let mut runs_on = true;
    let mut starts = 0;
    for line in text::disassemble(code) {
        let Ok(insn) = line.insn else { return false };
        if cuts.get(starts) == Some(&line.at) {
            starts += 1;
            if runs_on {
                return false;
            }
        }
        let strays = |target: usize| target >= code.len() || piece(target) != piece(line.at);
        if insn.jump_offset().is_some() && insn.jump_target(line.at).is_none_or(strays) {
            return false;
        }
        runs_on = !insn.is_terminator();
    }
    // A cut in the middle of a wide instruction is not met.
    !runs_on && starts == cuts.len()
}

fn code(input: &Input<'_>, function: &Function<'_>) -> Vec<RawInsn> {
    let data = input.elf.sections[function.section].data;
    let code = data.get(function.start as usize..function.end as usize).unwrap_or_default();
    from_bytes(code, input.elf.order).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{are_functions, text};

    #[test]
    fn only_functions_of_their_own_are_cut_off() {
        for (source, cuts, fine) in [
            ("call pc+1\nexit\nr0 = 1\nexit", &[2][..], true),
            ("r0 = 1\ngoto -2\nr0 = 1\nexit", &[2], true),
            // Runs on into the next.
            ("call pc+1\nr0 = 1\nr0 = 2\nexit", &[2], false),
            ("if r1 == 0 goto +0\nexit", &[1], false),
            // Jumps into another, forwards, backwards, and out of the code.
            ("if r1 == 0 goto +1\nexit\nr0 = 1\nexit", &[2], false),
            ("r0 = 1\nexit\nr0 = 1\ngoto -3", &[2], false),
            ("r0 = 1\nexit\nr0 = 1\ngoto +3", &[2], false),
            // Into the middle of a wide instruction.
            ("exit\nr1 = 5 ll\nexit", &[2], false),
            ("exit\nr1 = 5 ll\nexit", &[1], true),
            ("exit\nexit\nexit", &[1, 2], true),
            ("exit\nr0 = 0", &[1], false),
        ] {
            assert_eq!(are_functions(&text::assemble(source).unwrap(), cuts), fine, "{source:?}");
        }
        let broken = [skep_isa::RawInsn { code: 0xff, ..Default::default() }];
        assert!(!are_functions(&broken, &[0]));
    }
}
