//! The processor's name, for pages with times and for `facekp doctor`.

use std::{env::consts::ARCH, fs};

/// The processor's name with the widest vectors that it has; where the system does not tell, its kind.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = |key: &str| text.lines().find(|l| l.starts_with(key)).and_then(|l| l.split_once(": ")).map(|(_, v)| v);
    let kind = format!("{ARCH} processor");
    let name = line("model name").map_or(kind.as_str(), str::trim);
    let vectors = line("flags").map(|f| ["avx512f", "avx2"].into_iter().find(|v| f.split(' ').any(|x| x == *v)));
    format!("{name}{}", vectors.flatten().map(|v| format!(" ({v})")).unwrap_or_default())
}
