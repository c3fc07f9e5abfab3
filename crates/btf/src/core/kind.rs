//! What a CO-RE record may ask, with the numbers of `.BTF.ext`.

use crate::numbered::numbered;

numbered! {
    /// What a CO-RE record asks, with the numbers of `.BTF.ext`.
    RelocationKind;
    /// The short name that loaders' logs use: `byte_off`, …
    name;
    /// The kind of that number; `None` for 13 and above.
    from_number;
    FieldByteOffset = 0, "byte_off", "Bytes from the struct's start to the field (to the word that holds it, for a bit-field).";
    FieldByteSize = 1, "byte_sz", "Bytes of the field (of the word that holds it, for a bit-field).";
    FieldExists = 2, "field_exists", "Does the target have the field? 0 or 1.";
    FieldSigned = 3, "signed", "Is the field a signed number? 0 or 1.";
    FieldLshiftU64 = 4, "lshift_u64", "Left shift that brings a bit-field's top bit to bit 63.";
    FieldRshiftU64 = 5, "rshift_u64", "Right shift that then brings it down to bit 0.";
    TypeIdLocal = 6, "local_type_id", "The type's id in the program's own BTF.";
    TypeIdTarget = 7, "target_type_id", "The type's id in the target; 0 if it has none.";
    TypeExists = 8, "type_exists", "Does the target have the type? 0 or 1.";
    TypeSize = 9, "type_size", "Bytes of the type in the target; 0 if it has none.";
    EnumvalExists = 10, "enumval_exists", "Does the target's enum have the constant? 0 or 1.";
    EnumvalValue = 11, "enumval_value", "The constant's value in the target.";
    TypeMatches = 12, "type_matches", "Does the target have the type with all the members that the program's has? 0 or 1.";
}

impl RelocationKind {
    /// Is it about a field?
    pub const fn is_field(self) -> bool {
        (self as u8) <= Self::FieldRshiftU64 as u8
    }
    /// Is it about a constant of an enum?
    pub const fn is_enumval(self) -> bool {
        matches!(self, Self::EnumvalExists | Self::EnumvalValue)
    }
    /// Is it about a whole type?
    pub const fn is_type(self) -> bool {
        !self.is_field() && !self.is_enumval()
    }
}
