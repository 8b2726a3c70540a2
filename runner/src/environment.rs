//! The process environment as an action sees it: `/init`'s variables once, the `__OW_*` variables of each run.
//!
//! A library's threads may read the environment at any time, and glibc's `setenv` moves the table under them. So the table
//! is laid out before the library is loaded, with room for the variables of runs: from then on it does not move, and
//! only the bytes of the runner's own strings change. Only the thread that runs the action may call this, and only
//! while one run at a time is allowed.
#![expect(
    unsafe_code,
    reason = "the process environment is a table of raw pointers, and changing it is libc's to do"
)]

use std::borrow::Cow;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::*};

use crate::protocol::run::Metadata;

/// Members of a request that the runner does not know get variables too, up to this many different names.
const OTHERS: usize = 64;
/// The room for one variable, in bytes: no program can be given a longer one (the kernel's MAX_ARG_STRLEN). A run whose
/// value is longer goes without that variable. Pages that are never used cost nothing.
const ROOM: usize = 128 << 10;
/// The platform's own.
const KNOWN: [&str; 8] = [
    "__OW_NAMESPACE",
    "__OW_ACTION_NAME",
    "__OW_ACTION_VERSION",
    "__OW_ACTIVATION_ID",
    "__OW_TRANSACTION_ID",
    "__OW_API_KEY",
    "__OW_API_HOST",
    "__OW_DEADLINE",
];

/// Sets variables for good.
///
/// Names and values have been checked: no `=` in a name, no NUL in either, no empty name.
///
/// # Safety
/// No other thread of this process reads or changes the environment meanwhile. So it is before a library is loaded.
pub unsafe fn set<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        // SAFETY: the caller promises that nobody else looks.
        unsafe { std::env::set_var(name, value) };
    }
}

/// The variables that change with each run.
pub struct RunVariables {
    known: [Variable; KNOWN.len()],
    /// Those that have a name come first.
    others: Vec<Variable>,
    table: Table,
}

impl RunVariables {
    /// Lays the table out anew, with room for all of them.
    ///
    /// # Safety
    /// As for [`set`].
    pub unsafe fn lay_out() -> Self {
        let room: &'static mut [u8] = Box::leak(vec![0; (KNOWN.len() + OTHERS) * ROOM].into());
        let mut room = room.chunks_exact_mut(ROOM);
        let mut variable = |name: &str| Variable::new(name, room.next().unwrap_or_default());
        let known = KNOWN.map(&mut variable);
        let others: Vec<Variable> = (0..OTHERS).map(|_| variable("")).collect();
        // SAFETY: the caller promises that nobody looks at the old table.
        let table = unsafe { Table::replace(known.len() + others.len()) };
        Self {
            known,
            others,
            table,
        }
    }

    /// Makes the environment that of one run: what it gives is set, what only an earlier run gave is taken back.
    pub fn update<'a>(&mut self, run: &'a Metadata<'a>) {
        let known = [
            &run.namespace,
            &run.action_name,
            &run.action_version,
            &run.activation_id,
            &run.transaction_id,
            &run.api_key,
            &run.api_host,
            &run.deadline,
        ];
        // Of several members that come to the same name, the platform's own counts, then the last.
        let named = |(member, value): &'a (Cow<'a, str>, Cow<'a, str>)| {
            (format!("__OW_{}", member.to_uppercase()), &**value)
        };
        let mut others: Vec<(String, &str)> = run.others.iter().map(named).collect();
        for (variable, (name, value)) in self.known.iter_mut().zip(KNOWN.iter().zip(known)) {
            let other = take(&mut others, name);
            variable.set(value.as_deref().or(other), &mut self.table);
        }
        self.update_others(&others);
    }

    fn update_others(&mut self, others: &[(String, &str)]) {
        let named = self.others.iter_mut();
        for variable in named.take_while(|it| !it.name.is_empty()) {
            if !others.iter().any(|(given, _)| *given == variable.name) {
                variable.set(None, &mut self.table);
            }
        }
        for (name, value) in others {
            let is_it = |it: &&mut Variable| it.name == *name || it.name.is_empty();
            if let Some(variable) = self.others.iter_mut().find(is_it) {
                variable.call(name);
                variable.set(Some(value), &mut self.table);
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

/// One variable, as the string `NAME=value`.
struct Variable {
    /// Empty: it has none yet.
    name: String,
    /// What it was before any run; `None` = it was not there.
    before: Option<String>,
    /// `NAME=value`, then zeros to the end. Never freed nor moved: the table points to it.
    text: &'static mut [u8],
    /// How much of it is not zero; 0 = no run has set it, or it was taken back.
    length: usize,
    /// Where it stood in the table when it was last looked for.
    place: usize,
}

impl Variable {
    fn new(name: &str, text: &'static mut [u8]) -> Self {
        let mut variable = Self {
            name: String::new(),
            before: None,
            text,
            length: 0,
            place: 0,
        };
        variable.call(name);
        variable
    }

    /// Gives it a name, for good.
    fn call(&mut self, name: &str) {
        if self.name.is_empty() && !name.is_empty() {
            self.before = std::env::var(name).ok();
            name.clone_into(&mut self.name);
        }
    }

    /// Sets it for a run; `None`: as it was before any run. A value that it has no room for, or that has a NUL, is none.
    fn set(&mut self, value: Option<&str>, table: &mut Table) {
        let room = self.text.len() - self.name.len() - 2;
        let fits = |value: &&str| value.len() <= room && !value.contains('\0');
        let before = self.before.take();
        match value.filter(fits).or(before.as_deref()) {
            // Nobody has set it, and it stands there as it was.
            _ if self.length == 0 && value.is_none() => {}
            Some(value) => {
                self.write(value.as_bytes());
                self.place = table.keep(self.text, &self.name, self.place);
            }
            None => {
                table.remove(self.text, &self.name, self.place);
                self.text[..self.length].fill(0);
                self.length = 0;
            }
        }
        self.before = before;
    }

    fn write(&mut self, value: &[u8]) {
        let (name, old) = (self.name.len(), self.length);
        let end = name + 1 + value.len();
        if old == 0 {
            self.text[..name].copy_from_slice(self.name.as_bytes());
            self.text[name] = b'=';
        }
        self.text[name + 1..end].copy_from_slice(value);
        // The rest of a longer old value; beyond it there are zeros already.
        self.text[end..old.max(end)].fill(0);
        self.length = end;
    }
}

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

/// The table that the environment is, as long as the action does not make another. Each change is the store of one
/// pointer to a string that is never freed, so that whoever reads it meanwhile finds what was or what is.
struct Table {
    /// The strings, then null pointers to the end.
    places: &'static [AtomicPtr<libc::c_char>],
}

impl Table {
    /// Puts a table with the same strings, and room for so many more, in the place of the one there is.
    ///
    /// # Safety
    /// No other thread reads or changes the environment.
    unsafe fn replace(room: usize) -> Self {
        let old = strings();
        let ends = std::iter::repeat_n(ptr::null_mut(), room + 1);
        let places: Vec<_> = old.chain(ends).map(AtomicPtr::new).collect();
        let places: &'static [AtomicPtr<libc::c_char>] = Box::leak(places.into());
        // SAFETY: C strings that are never freed, with null pointers at their end; nobody looks, as the caller promises.
        unsafe { environ = places.as_ptr().cast_mut().cast() };
        Self { places }
    }

    /// Has the action not made another one?
    fn is_environment(&self) -> bool {
        // SAFETY: libc's own variable; only the action's calls change it, on this thread, or it is lost by itself.
        let now = unsafe { environ };
        ptr::eq(now.cast_const().cast(), self.places.as_ptr())
    }

    /// How many strings it has.
    fn end(&self) -> usize {
        let is_end = |place: &AtomicPtr<libc::c_char>| place.load(Relaxed).is_null();
        self.places.iter().position(is_end).unwrap_or(0)
    }

    fn place_of(&self, text: *mut libc::c_char) -> Option<usize> {
        let all = &self.places[..self.end()];
        all.iter().position(|place| place.load(Relaxed) == text)
    }

    /// Sees to it that the table has this string, and no other of that name; its place, usually where it was.
    fn keep(&self, text: &mut [u8], name: &str, place: usize) -> usize {
        let text: *mut libc::c_char = text.as_mut_ptr().cast();
        let is_mine = self.is_environment();
        if is_mine && self.places[place].load(Relaxed) == text {
            return place;
        }
        let others = || strings().position(|other| is_of(other, name));
        match (is_mine, others()) {
            // It is new, and there is room behind the last.
            (true, None) if self.end() + 1 < self.places.len() => {
                let end = self.end();
                self.places[end].store(text, Release);
                end
            }
            (true, Some(place)) => {
                self.places[place].store(text, Release);
                place
            }
            _ => {
                // SAFETY: `NAME=value` with a zero at its end, never freed. It may move the table, which the action has
                // done itself: so it has no thread that reads it at the same time, or is lost by itself.
                unsafe { libc::putenv(text) };
                place
            }
        }
    }

    /// Takes the string out of the table: the last one takes its place.
    fn remove(&self, text: &mut [u8], name: &str, place: usize) {
        let text: *mut libc::c_char = text.as_mut_ptr().cast();
        if !self.is_environment() {
            let name = std::ffi::CString::new(name).unwrap_or_default();
            // SAFETY: a C string; as for `putenv`.
            unsafe { libc::unsetenv(name.as_ptr()) };
            return;
        }
        let is_there = self.places[place].load(Relaxed) == text;
        let place = Some(place)
            .filter(|_| is_there)
            .or_else(|| self.place_of(text));
        if let (Some(place), Some(last)) = (place, self.end().checked_sub(1)) {
            let moved = self.places[last].load(Relaxed);
            self.places[place].store(moved, Release);
            self.places[last].store(ptr::null_mut(), Release);
        }
    }
}

/// Is this string of the environment a variable of this name?
fn is_of(text: *mut libc::c_char, name: &str) -> bool {
    // SAFETY: a C string, of which nothing is freed; nobody changes it meanwhile, as `Table` says.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    let rest = text.strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b"="))
}

/// The strings of the environment as it is now, whoever made it.
fn strings() -> impl Iterator<Item = *mut libc::c_char> {
    // SAFETY: libc's own variable; see `Table::is_environment`.
    let mut next = unsafe { environ };
    std::iter::from_fn(move || {
        // SAFETY: null after `clearenv`; otherwise not behind the null pointer that ends the table, where it stays.
        let text = (!next.is_null()).then(|| unsafe { *next });
        let text = text.filter(|text| !text.is_null())?;
        next = next.wrapping_add(1);
        Some(text)
    })
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
        let set = |value| {
            // SAFETY: the test has one thread that uses the environment.
            unsafe { set([("__OW_API_KEY", value)]) };
        };
        set("from init");
        let now = |name| std::env::var(name).ok();
        // SAFETY: as above.
        let mut variables = unsafe { RunVariables::lay_out() };

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
        set("mine");
        variables.update(&run("b", Some("k2")));
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("b"));
        assert_eq!(now("__OW_API_KEY").as_deref(), Some("k2"));

        let place = variables.known[3].text.as_ptr();
        for count in 0..100_000 {
            variables.update(&run(&format!("{count}"), None));
        }
        assert_eq!(now("__OW_ACTIVATION_ID").as_deref(), Some("99999"));
        assert_eq!(variables.known[3].text.as_ptr(), place);
        variables.update(&run(&"x".repeat(ROOM), None));
        assert_eq!(now("__OW_ACTIVATION_ID"), None, "there is no room");

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
}
