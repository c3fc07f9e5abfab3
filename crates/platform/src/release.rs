//! Kernel releases: what "since" means everywhere in this crate.
//!
//! skep models Linux 5.4 to 6.18. A table may name an older release as the origin of something (`hash` maps came
//! with 3.19), so a [`Release`] can hold any version, but only the modelled ones can be *chosen*: parsing refuses
//! the rest, naming the range.

use core::fmt;
use core::str::FromStr;

/// A Linux release, `major.minor`. Patch levels do not exist here: a stable update brings no new eBPF feature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    major: u8,
    minor: u8,
}

impl Release {
    /// The oldest release that can be chosen.
    pub const OLDEST: Release = Release::new(5, 4);
    /// The newest release modelled, and the default everywhere.
    pub const LATEST: Release = Release::new(6, 18);

    /// Longterm 5.4.
    pub const V5_4: Release = Release::new(5, 4);
    /// Longterm 5.10.
    pub const V5_10: Release = Release::new(5, 10);
    /// Longterm 5.15.
    pub const V5_15: Release = Release::new(5, 15);
    /// Longterm 6.1.
    pub const V6_1: Release = Release::new(6, 1);
    /// Longterm 6.6.
    pub const V6_6: Release = Release::new(6, 6);
    /// Longterm 6.12.
    pub const V6_12: Release = Release::new(6, 12);
    /// Longterm 6.18.
    pub const V6_18: Release = Release::new(6, 18);

    /// The releases that kernel.org maintains for years, which `--kernel` completions offer first.
    pub const LONGTERM: [Release; 7] =
        [Self::V5_4, Self::V5_10, Self::V5_15, Self::V6_1, Self::V6_6, Self::V6_12, Self::V6_18];

    /// The last minor of the 5 series; 6.0 followed it.
    const LAST_5: u8 = 19;

    /// Any version, also one that cannot be chosen; for the tables, which know older origins.
    pub const fn new(major: u8, minor: u8) -> Release {
        Release { major, minor }
    }

    /// The first number of the version.
    pub const fn major(self) -> u8 {
        self.major
    }

    /// The second number of the version.
    pub const fn minor(self) -> u8 {
        self.minor
    }

    /// Every release that can be chosen, oldest first.
    pub fn all() -> impl Iterator<Item = Release> {
        (Self::V5_4.minor..=Self::LAST_5)
            .map(|m| Release::new(5, m))
            .chain((0..=Self::LATEST.minor).map(|m| Release::new(6, m)))
    }

    /// Whether skep has tables for this release.
    pub fn is_modelled(self) -> bool {
        Self::all().any(|r| r == self)
    }

    /// The release in the text of `uname -r`, such as `6.18.44-cloud-amd64`; `None` when it does not start with two numbers.
    /// The answer need not be a modelled release.
    pub fn from_uname(text: &str) -> Option<Release> {
        let mut parts = text.split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Release { major, minor })
    }
}

impl Default for Release {
    fn default() -> Self {
        Self::LATEST
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.major, self.minor))
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text names no release that skep models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRelease(String);

impl fmt::Display for UnknownRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kernel release `{}` is not modelled: expected {} to 5.{} or 6.0 to {}",
            self.0,
            Release::OLDEST,
            Release::LAST_5,
            Release::LATEST
        )
    }
}

impl std::error::Error for UnknownRelease {}

impl FromStr for Release {
    type Err = UnknownRelease;

    /// Reads `6.12` or `v6.12`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownRelease(text.to_owned());
        let (major, minor) = text.strip_prefix('v').unwrap_or(text).split_once('.').ok_or_else(unknown)?;
        let number = |t: &str| t.parse::<u8>().ok().filter(|_| t.bytes().all(|b| b.is_ascii_digit()));
        let release =
            Release { major: number(major).ok_or_else(unknown)?, minor: number(minor).ok_or_else(unknown)? };
        if release.is_modelled() { Ok(release) } else { Err(unknown()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for release in Release::all() {
            assert_eq!(release.to_string().parse(), Ok(release));
        }
        assert_eq!(Release::all().count(), 16 + 19);
        assert_eq!("v6.1".parse(), Ok(Release::V6_1));
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(Release::V5_4 < Release::V5_10);
        assert!(Release::new(5, 19) < Release::new(6, 0));
        assert!(Release::V6_6 < Release::V6_12);
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "6", "6.", "6.19", "5.3", "5.20", "6.x", "+6.1", "6.+1", "6.1.2", "300.1"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
        let error = "4.19".parse::<Release>().err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(error, "kernel release `4.19` is not modelled: expected 5.4 to 5.19 or 6.0 to 6.18");
    }

    #[test]
    fn reads_uname() {
        assert_eq!(Release::from_uname("6.18.44-fc-v657"), Some(Release::V6_18));
        assert_eq!(Release::from_uname("7.2-rc1"), Some(Release::new(7, 2)));
        assert_eq!(Release::from_uname("linux"), None);
    }
}
