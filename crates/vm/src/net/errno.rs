//! Where the network half takes its error numbers from: one place, so that no file repeats a number.

pub(crate) use skep_platform::Errno;
pub(crate) use skep_platform::errno::{
    EACCES, EAFNOSUPPORT, EALREADY, EFAULT, EINVAL, ENODEV, ENOENT, ENOMEM, ENOTSUPP, EOPNOTSUPP, EPROTO,
};
