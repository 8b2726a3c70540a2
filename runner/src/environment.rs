//! The process environment as an action sees it: `/init`'s variables once, the `__OW_*` variables of each run.
//!
//! glibc's `setenv` never frees and moves the table, so a million runs would leak hundreds of megabytes. Here the
//! strings are the runner's own: put into the table once, then changed in place. Only the thread that runs the action
//! may call this, and only while one run at a time is allowed.
#![expect(
    unsafe_code,
    reason = "the process environment is a table of raw pointers, and changing it is libc's to do"
)]

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use crate::protocol::run::Metadata;

/// Members of a request that the runner does not know get variables too, up to this many different names.
const OTHERS: usize = 64;

/// Sets variables for good, before a library is loaded.
///
/// Names and values have been checked: no `=` in a name, no NUL in either, no empty name.
pub fn set<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        // SAFETY: the worker has one thread besides the one that only waits for it, and no action has been loaded.
        unsafe { std::env::set_var(name, value) };
    }
}

/// The variables that change with each run.
#[derive(Default)]
pub struct RunVariables {
    known: [Option<Variable>; 8],
    others: HashMap<String, Variable>,
}

impl RunVariables {
    /// Makes the environment that of one run: what it gives is set, what only an earlier run gave is taken back.
    pub fn update(&mut self, run: &Metadata<'_>) {
        let known = [
            ("__OW_NAMESPACE", &run.namespace),
            ("__OW_ACTION_NAME", &run.action_name),
            ("__OW_ACTION_VERSION", &run.action_version),
            ("__OW_ACTIVATION_ID", &run.activation_id),
            ("__OW_TRANSACTION_ID", &run.transaction_id),
            ("__OW_API_KEY", &run.api_key),
            ("__OW_API_HOST", &run.api_host),
            ("__OW_DEADLINE", &run.deadline),
        ];
        for (variable, (name, value)) in self.known.iter_mut().zip(known) {
            match value {
                Some(value) if !value.contains('\0') => variable
                    .get_or_insert_with(|| Variable::new(name))
                    .set(value),
                _ => variable.iter_mut().for_each(Variable::restore),
            }
        }
        if !run.others.is_empty() || !self.others.is_empty() {
            self.update_others(run);
        }
    }

    fn update_others(&mut self, run: &Metadata<'_>) {
        for (key, variable) in &mut self.others {
            if !run.others.iter().any(|(name, _)| name == key) {
                variable.restore();
            }
        }
        for (key, value) in &run.others {
            if !self.others.contains_key(key.as_ref()) {
                if self.others.len() == OTHERS {
                    continue;
                }
                let variable = Variable::new(&format!("__OW_{}", key.to_uppercase()));
                self.others.insert(key.clone().into_owned(), variable);
            }
            if let Some(variable) = self.others.get_mut(key.as_ref()) {
                variable.set(value);
            }
        }
    }
}

/// One variable, as the string `NAME=value` that the table points to.
struct Variable {
    name: CString,
    /// What it was before any run; `None` = it was not there.
    before: Option<Vec<u8>>,
    /// `NAME=value`, then zeros to the end. Never freed nor moved: others may hold pointers into it.
    text: &'static mut [u8],
    /// Length of the value; `None` = the table does not point here.
    length: Option<usize>,
}

impl Variable {
    /// A variable that no run has set. `name` has no NUL.
    fn new(name: &str) -> Self {
        let before = std::env::var_os(OsStr::new(name)).map(|value| value.as_bytes().to_vec());
        Self {
            name: CString::new(name).unwrap_or_default(),
            before,
            text: &mut [],
            length: None,
        }
    }

    fn start(&self) -> usize {
        self.name.as_bytes().len() + 1
    }

    /// `value` has no NUL.
    fn set(&mut self, value: &str) {
        self.write(value.as_bytes());
    }

    /// Makes it what it was before any run set it.
    fn restore(&mut self) {
        if self.length.is_none() {
            return;
        }
        match self.before.take() {
            Some(before) => {
                self.write(&before);
                self.before = Some(before);
            }
            None => {
                // SAFETY: the name is a valid C string; by the contract of this module no other thread changes the
                // table.
                unsafe { libc::unsetenv(self.name.as_ptr()) };
                self.length = None;
            }
        }
    }

    fn write(&mut self, value: &[u8]) {
        let (start, end) = (self.start(), self.start() + value.len());
        if end < self.text.len() {
            let old = self.length.unwrap_or(0);
            self.text[start..end].copy_from_slice(value);
            // The rest of a longer old value; beyond it there are zeros already.
            self.text[end..(start + old).max(end)].fill(0);
        } else {
            self.text = fresh(&self.name, value);
            self.length = None;
        }
        if self.length.replace(value.len()).is_none() {
            // SAFETY: `text` is `NAME=value`, ends with zeros and lives for ever; by the contract of this module no
            // other thread changes the table.
            unsafe { libc::putenv(self.text.as_mut_ptr().cast()) };
        }
    }
}

/// `NAME=value` with as much room again.
fn fresh(name: &CString, value: &[u8]) -> &'static mut [u8] {
    let mut text = vec![0; (name.as_bytes().len() + value.len() + 2) * 2 + 32];
    let start = name.as_bytes().len();
    text[..start].copy_from_slice(name.as_bytes());
    text[start] = b'=';
    text[start + 1..][..value.len()].copy_from_slice(value);
    Box::leak(text.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<'a>(id: &'a str, key: Option<&'a str>) -> Metadata<'a> {
        Metadata {
            activation_id: Some(id.into()),
            api_key: key.map(Into::into),
            ..Metadata::default()
        }
    }

    /// One test: the environment is the process's.
    #[test]
    fn follows_the_runs() {
        set([("__OW_API_KEY", "from init")]);
        let now = |name| std::env::var(name).ok();
        let mut variables = RunVariables::default();

        variables.update(&run("first", Some("k")));
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("first"));
        assert_eq!(now("__OW_API_KEY").as_deref(), Some("k"));

        variables.update(&run("2", None));
        assert_eq!(
            now("__OW_ACTIVATION_ID").as_deref(),
            Some("2"),
            "nothing of the longer one is left"
        );
        assert_eq!(now("__OW_API_KEY").as_deref(), Some("from init"));

        let long = "x".repeat(1000);
        variables.update(&run(&long, Some("")));
        assert_eq!(now("__OW_ACTIVATION_ID"), Some(long));
        assert_eq!(now("__OW_API_KEY").as_deref(), Some(""));

        let others = vec![("custom".into(), "7".into())];
        variables.update(&Metadata {
            others,
            ..Metadata::default()
        });
        assert_eq!(now("__OW_CUSTOM").as_deref(), Some("7"));
        assert_eq!(now("__OW_ACTIVATION_ID"), None);

        variables.update(&Metadata::default());
        assert_eq!(now("__OW_CUSTOM"), None);
    }

    #[test]
    fn a_million_runs_take_no_more_memory_than_one() {
        let mut variable = Variable::new("__OW_TEST_IN_PLACE");
        variable.set("0000000");
        let place = variable.text.as_ptr();
        for count in 0..1_000_000 {
            variable.set(&format!("{count}"));
        }
        assert_eq!(variable.text.as_ptr(), place);
    }
}
