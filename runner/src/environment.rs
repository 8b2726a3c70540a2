//! The process environment as an action sees it: `/init`'s variables once, the `__OW_*` variables of each run.
//!
//! glibc's `setenv` never frees and moves the table, so a million runs would leak hundreds of megabytes. Here the
//! strings are the runner's own: put into the table once, then changed in place. Only the thread that runs the action
//! may call this, and only while one run at a time is allowed.
#![expect(
    unsafe_code,
    reason = "the process environment is a table of raw pointers, and changing it is libc's to do"
)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

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
    /// By their names.
    others: HashMap<String, Variable>,
}

impl RunVariables {
    /// Makes the environment that of one run: what it gives is set, what only an earlier run gave is taken back.
    pub fn update<'a>(&mut self, run: &'a Metadata<'a>) {
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
        // Of several members that come to the same name, the platform's own counts, then the last.
        let named = |(member, value): &'a (Cow<'a, str>, Cow<'a, str>)| {
            (format!("__OW_{}", member.to_uppercase()), &**value)
        };
        let mut others: Vec<(String, &str)> = run.others.iter().map(named).collect();
        let mut table = Table::now();
        for (variable, (name, value)) in self.known.iter_mut().zip(known) {
            let other = take(&mut others, name);
            match value.as_deref().or(other) {
                Some(value) if !value.contains('\0') => variable
                    .get_or_insert_with(|| Variable::new(name))
                    .set(value, &mut table),
                _ => variable.iter_mut().for_each(|it| it.restore(&mut table)),
            }
        }
        if !others.is_empty() || !self.others.is_empty() {
            self.update_others(&others, &mut table);
        }
    }

    fn update_others(&mut self, others: &[(String, &str)], table: &mut Table) {
        for (name, variable) in &mut self.others {
            if !others.iter().any(|(given, _)| given == name) {
                variable.restore(table);
            }
        }
        for (name, value) in others {
            if let Some(variable) = self.others.get_mut(name) {
                variable.set(value, table);
            } else if self.others.len() < OTHERS {
                let mut variable = Variable::new(name);
                variable.set(value, table);
                self.others.insert(name.clone(), variable);
            }
        }
    }
}

/// Takes all of this name away; the last one's value.
fn take<'a>(others: &mut Vec<(String, &'a str)>, name: &str) -> Option<&'a str> {
    let mut last = None;
    others.retain(|(other, value)| {
        let is_it = other == name;
        last = if is_it { Some(*value) } else { last };
        !is_it
    });
    last
}

/// One variable, as the string `NAME=value` that the table points to.
struct Variable {
    name: CString,
    /// What it was before any run; `None` = it was not there.
    before: Option<Vec<u8>>,
    /// `NAME=value`, then zeros to the end. Never freed nor moved: others may hold pointers into it.
    text: &'static mut [u8],
    /// Length of the value; `None` = no run has set it, or it has been taken back.
    length: Option<usize>,
    /// Where the table points to `text`; null: nowhere.
    place: Place,
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
            place: Place(ptr::null_mut()),
        }
    }

    /// Where the value begins.
    fn start(&self) -> usize {
        self.name.as_bytes().len() + 1
    }

    /// `value` has no NUL.
    fn set(&mut self, value: &str, table: &mut Table) {
        self.write(value.as_bytes(), table);
    }

    /// Makes it what it was before any run set it.
    fn restore(&mut self, table: &mut Table) {
        if self.length.is_none() {
            return;
        }
        match self.before.take() {
            Some(before) => {
                self.write(&before, table);
                self.before = Some(before);
            }
            None => {
                // SAFETY: the name is a valid C string; by the contract of this module no other thread changes the
                // table.
                unsafe { libc::unsetenv(self.name.as_ptr()) };
                *table = Table::now();
                self.wipe();
            }
        }
    }

    /// Nothing is left of the value.
    fn wipe(&mut self) {
        let start = self.start();
        if let Some(old) = self.length.take() {
            self.text[start..start + old].fill(0);
        }
    }

    fn write(&mut self, value: &[u8], table: &mut Table) {
        let (start, end) = (self.start(), self.start() + value.len());
        if end < self.text.len() {
            let old = self.length.unwrap_or(0);
            self.text[start..end].copy_from_slice(value);
            // The rest of a longer old value; beyond it there are zeros already.
            self.text[end..(start + old).max(end)].fill(0);
        } else {
            self.text = fresh(&self.name, value);
        }
        self.length = Some(value.len());
        // The action may have changed the table in the run before.
        let text = self.text.as_mut_ptr().cast();
        if !table.points_to(text, &self.place) {
            // SAFETY: `NAME=value` with a zero at its end, never freed; by the contract of this module no other thread
            // changes the table.
            unsafe { libc::putenv(text) };
            *table = Table::now();
            self.place = table.place_of(text);
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

/// A place in the table, found once, so that one look tells whether it still holds the same string.
struct Place(*mut *mut libc::c_char);

// SAFETY: the pointer is followed under the contract of this module only, on the thread that runs the action.
unsafe impl Send for Place {}

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

/// The table as it is now, for as long as nobody changes it. Its places go from `first` up to `end`, where the null
/// pointer stands that ends it.
struct Table {
    first: *mut *mut libc::c_char,
    end: *mut *mut libc::c_char,
}

impl Table {
    fn now() -> Self {
        // SAFETY: libc's own variable; by the contract of this module no other thread changes it.
        let first = unsafe { environ };
        let mut end = first;
        // SAFETY: not null (it is after `clearenv`), and not behind the null pointer that ends the table.
        while !end.is_null() && !unsafe { *end }.is_null() {
            end = end.wrapping_add(1);
        }
        Self { first, end }
    }

    /// Does it hold this string in this place?
    fn points_to(&self, text: *mut libc::c_char, place: &Place) -> bool {
        // SAFETY: a place of the table, as the first comparison says.
        (self.first..self.end).contains(&place.0) && unsafe { *place.0 } == text
    }

    /// The place of this string.
    fn place_of(&self, text: *mut libc::c_char) -> Place {
        let mut place = self.first;
        while place != self.end {
            // SAFETY: between the first place and the last.
            if unsafe { *place } == text {
                return Place(place);
            }
            place = place.wrapping_add(1);
        }
        Place(ptr::null_mut())
    }
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

        // A longer value that was taken back leaves nothing in a shorter one.
        for value in ["longest", "shorter", "s"] {
            variables.update(&run(value, None));
            assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some(value));
            variables.update(&Metadata::default());
            assert_eq!(now("__OW_ACTIVATION_ID"), None);
        }

        // The action changes them itself.
        let unset = |name: &str| {
            // SAFETY: the test has one thread that uses the environment.
            unsafe { std::env::remove_var(name) };
        };
        variables.update(&run("a", Some("k")));
        unset("__OW_ACTIVATION_ID");
        set([("__OW_API_KEY", "mine")]);
        variables.update(&run("b", Some("k2")));
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("b"));
        assert_eq!(now("__OW_API_KEY").as_deref(), Some("k2"));

        // Two members come to one name.
        let twice = |id: Option<&'static str>, other: &'static str| Metadata {
            activation_id: id.map(Into::into),
            others: vec![
                ("ACTIVATION_ID".into(), "no".into()),
                ("x".into(), "1".into()),
                ("X".into(), other.into()),
            ],
            ..Metadata::default()
        };
        variables.update(&twice(Some("yes"), "2"));
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("yes"));
        assert_eq!(now("__OW_X").as_deref(), Some("2"));
        variables.update(&run("next", None));
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("next"));
        assert_eq!(now("__OW_X"), None);
    }

    #[test]
    fn a_million_runs_take_no_more_memory_than_one() {
        let mut variable = Variable::new("__OW_TEST_IN_PLACE");
        let mut table = Table::now();
        variable.set("0000000", &mut table);
        let place = variable.text.as_ptr();
        for count in 0..1_000_000 {
            variable.set(&format!("{count}"), &mut table);
        }
        assert_eq!(variable.text.as_ptr(), place);
    }
}
