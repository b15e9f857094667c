//! A test case: a module, and the calls by which engines are compared.

use programs::{Call, Program, RESET};

#[derive(Debug, Clone)]
pub struct Case {
    pub module: Vec<u8>,
    /// The same with canonical NaNs, for an engine that has others.
    pub canonical: Vec<u8>,
    /// The same as a library and a module that imports from it.
    pub linked: Option<[Vec<u8>; 2]>,
    pub calls: Vec<Call>,
    pub probes: Vec<Call>,
    /// Whether there is an export that must be called before each call.
    pub reset: Option<Call>,
    pub initialiser: bool,
    /// Whether anything runs before the first call.
    pub begins: bool,
    /// It may be endless: the judge has to count too.
    pub may_be_endless: bool,
}

impl Case {
    pub fn of(program: &Program, canonical: bool) -> Self {
        let has = |name: &str| program.exports.iter().any(|it| it.name == name);
        Self {
            module: program.encode(),
            canonical: if canonical {
                program.encode_canonical()
            } else {
                Vec::new()
            },
            linked: Some(program.encode_linked()),
            calls: program.calls.clone(),
            probes: program.probes.clone(),
            reset: has(RESET).then(|| Call {
                export: RESET.into(),
                params: Vec::new(),
            }),
            initialiser: has("_initialize"),
            begins: has("_initialize") || program.start.is_some(),
            may_be_endless: false,
        }
    }

    /// All calls in a row, then the probes.
    fn kept(&self) -> Vec<&Call> {
        let mut sequence = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            // The first is as if it were alone.
            sequence.extend(self.reset.as_ref().filter(|_| index > 0));
            sequence.push(call);
        }
        sequence.extend(&self.probes);
        sequence
    }

    /// All that is run: everything on one instance, then each later call on one of its own.
    pub fn sequences(&self) -> Vec<Vec<&Call>> {
        let alone = (1..self.calls.len()).map(|index| self.alone(index));
        std::iter::once(self.kept()).chain(alone).collect()
    }

    /// One call, then the probes.
    fn alone(&self, index: usize) -> Vec<&Call> {
        std::iter::once(&self.calls[index])
            .chain(&self.probes)
            .collect()
    }
}
