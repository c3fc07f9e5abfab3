//! The attribute structs of `bpf(2)`, one per command, laid out as the kernel's union lays them out.
//!
//! All fields are the UAPI's; addresses are `u64`.

#![allow(missing_docs, reason = "the fields are the UAPI's, under the UAPI's names")]

/// An attribute struct: initialised bytes through and through.
///
/// # Safety
/// `repr(C)`, no padding, every bit pattern valid, laid out as the union member of the command it is used with.
pub unsafe trait Attr: Default {}

/// Declares attribute structs and the test that none has padding.
macro_rules! attrs {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default)]
            #[repr(C)]
            pub struct $name {
                $(pub $field: $type,)*
            }

            // The sum of the fields' sizes is the struct's size: no padding.
            const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*);

            // SAFETY: `repr(C)`, integers and byte arrays alone, no padding (asserted above), the UAPI's order.
            unsafe impl Attr for $name {}
        )*
    };
}

attrs! {
    /// `BPF_MAP_CREATE`.
    MapCreate {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        inner_map_fd: u32,
        numa_node: u32,
        map_name: [u8; 16],
        map_ifindex: u32,
        btf_fd: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        btf_vmlinux_value_type_id: u32,
        map_extra: u64,
        value_type_btf_obj_fd: i32,
        map_token_fd: i32,
    }

    /// `BPF_MAP_*_ELEM` and `BPF_MAP_GET_NEXT_KEY`, whose next key stands in `value`; `BPF_MAP_FREEZE`.
    MapElem {
        map_fd: u32,
        unused: u32,
        key: u64,
        value: u64,
        flags: u64,
    }

    /// `BPF_MAP_FREEZE`.
    MapFreeze {
        map_fd: u32,
    }

    /// `BPF_PROG_LOAD`.
    ProgLoad {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        prog_flags: u32,
        prog_name: [u8; 16],
        prog_ifindex: u32,
        expected_attach_type: u32,
        prog_btf_fd: u32,
        func_info_rec_size: u32,
        func_info: u64,
        func_info_cnt: u32,
        line_info_rec_size: u32,
        line_info: u64,
        line_info_cnt: u32,
        attach_btf_id: u32,
        attach_prog_fd: u32,
        core_relo_cnt: u32,
        fd_array: u64,
        core_relos: u64,
        core_relo_rec_size: u32,
        log_true_size: u32,
        prog_token_fd: i32,
        fd_array_cnt: u32,
    }

    /// `BPF_PROG_TEST_RUN`.
    TestRun {
        prog_fd: u32,
        retval: u32,
        data_size_in: u32,
        data_size_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
        ctx_size_in: u32,
        ctx_size_out: u32,
        ctx_in: u64,
        ctx_out: u64,
        flags: u32,
        cpu: u32,
        batch_size: u32,
        unused: u32,
    }

    /// `BPF_OBJ_GET_INFO_BY_FD`.
    ObjInfo {
        bpf_fd: u32,
        info_len: u32,
        info: u64,
    }

    /// `BPF_RAW_TRACEPOINT_OPEN`.
    RawTracepoint {
        name: u64,
        prog_fd: u32,
        unused: u32,
        cookie: u64,
    }

    /// `BPF_BTF_LOAD`.
    BtfLoad {
        btf: u64,
        btf_log_buf: u64,
        btf_size: u32,
        btf_log_size: u32,
        btf_log_level: u32,
        btf_log_true_size: u32,
        btf_flags: u32,
        btf_token_fd: i32,
    }

    /// `BPF_LINK_CREATE`, the part that every link has and 48 bytes that are the kind's own.
    LinkCreate {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        own: [u64; 6],
    }

    /// `BPF_LINK_UPDATE`; `old_prog_fd` only with `BPF_F_REPLACE`.
    LinkUpdate {
        link_fd: u32,
        new_prog_fd: u32,
        flags: u32,
        old_prog_fd: u32,
    }

    /// `BPF_LINK_DETACH`.
    LinkDetach {
        link_fd: u32,
    }

    /// `BPF_ITER_CREATE`.
    IterCreate {
        link_fd: u32,
        flags: u32,
    }

    /// `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
    ObjPin {
        pathname: u64,
        bpf_fd: u32,
        file_flags: u32,
    }

    /// `BPF_*_GET_NEXT_ID`, `BPF_*_GET_FD_BY_ID`.
    ById {
        id: u32,
        next_id: u32,
        open_flags: u32,
    }

    /// `BPF_ENABLE_STATS`.
    EnableStats {
        kind: u32,
    }

    /// `BPF_MAP_*_BATCH`.
    MapBatch {
        in_batch: u64,
        out_batch: u64,
        keys: u64,
        values: u64,
        count: u32,
        map_fd: u32,
        elem_flags: u64,
        flags: u64,
    }
}
