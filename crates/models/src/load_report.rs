//! What did not match when weights were loaded.

/// The tensors that did not match when weights were loaded; empty lists mean a perfect match.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Names in the network that the file lacks.
    pub missing: Vec<String>,
    /// Names in the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Tensors that both have, with different shapes.
    pub misshaped: Vec<Misshaped>,
}

/// A tensor whose shape in the file is not the network's.
#[derive(Clone, Debug, PartialEq)]
pub struct Misshaped {
    /// The parameter's name.
    pub name: String,
    /// Its shape in the network.
    pub expected: Vec<usize>,
    /// Its shape in the file.
    pub got: Vec<usize>,
}

impl LoadReport {
    /// Whether everything matched.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshaped.is_empty()
    }
}

/// All that did not match, in one line.
impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape = |m: &Misshaped| format!("{} (expected {:?}, got {:?})", m.name, m.expected, m.got);
        let misshaped: Vec<String> = self.misshaped.iter().map(shape).collect();
        let lists = [("missing", &self.missing), ("unexpected", &self.unexpected), ("misshaped", &misshaped)];
        let parts = lists.iter().filter(|(_, l)| !l.is_empty()).map(|(what, l)| format!("{what}: {}", l.join(", ")));
        let parts: Vec<String> = parts.collect();
        f.write_str(if parts.is_empty() { "all tensors match".into() } else { parts.join("; ") }.as_str())
    }
}
