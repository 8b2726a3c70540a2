//! The document that the figures go into: each measurement owns the region between its two marks, and its plots.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::figure::Figure;

pub struct Document(PathBuf);

impl Document {
    pub fn new(path: &str) -> Self {
        Self(PathBuf::from(path))
    }

    /// Puts a text where the region's old one was.
    pub fn replace(&self, region: &str, text: &str) -> io::Result<()> {
        let old = fs::read_to_string(&self.0)?;
        let new = replaced(&old, region, text)
            .ok_or_else(|| io::Error::other(format!("{} has no marks for {region}", self.0.display())))?;
        fs::write(&self.0, new)
    }

    /// Writes a plot beside the document; returns the line that shows it.
    pub fn plot(&self, name: &str, title: &str, svg: &str) -> io::Result<String> {
        let file = format!("performance-{name}.svg");
        fs::write(self.0.with_file_name(&file), svg)?;
        Ok(format!("\n![{title}]({file})\n"))
    }

    pub fn figure(&self, figure: &Figure) -> io::Result<String> {
        self.plot(figure.name, &figure.title, &crate::chart::svg(figure))
    }

    /// A document that consists of nothing but tables, beside this one.
    pub fn beside(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.0.with_file_name(name), text)
    }
}

/// Prints a section's tables; with a document writes them there, with their plots.
pub fn publish(path: Option<&str>, region: &str, introduction: &str, figures: &[Figure]) -> io::Result<()> {
    let tables: Vec<_> = figures.iter().map(Figure::table).collect();
    println!("{introduction}\n{}", tables.join("\n"));
    let Some(path) = path else { return Ok(()) };
    let document = Document::new(path);
    let mut text = introduction.to_owned();
    for (figure, table) in figures.iter().zip(&tables) {
        text.push_str(&format!("\n### {}\n", figure.title));
        text.push_str(&document.figure(figure)?);
        text.push_str(table);
    }
    document.replace(region, &text)
}

fn replaced(old: &str, region: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {region}: begin -->"), format!("<!-- {region}: end -->"));
    let head = old.find(&begin)? + begin.len();
    let tail = head + old.get(head..)?.find(&end)?;
    Some(format!("{}\n{}\n\n{}", &old[..head], text.trim_end(), &old[tail..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "a\n<!-- x: begin -->\n1\n<!-- x: end -->\nb\n<!-- y: begin -->\n<!-- y: end -->\n";

    #[test]
    fn a_region_is_replaced_and_nothing_else() {
        let new = replaced(OLD, "y", "2\n").unwrap_or_default();
        assert_eq!(new, OLD.replace("<!-- y: begin -->\n", "<!-- y: begin -->\n2\n\n"));
    }

    #[test]
    fn twice_is_as_once() {
        let once = replaced(OLD, "x", "3").unwrap_or_default();
        assert_eq!(replaced(&once, "x", "3"), Some(once));
    }

    #[test]
    fn without_marks_nothing_is_written() {
        assert_eq!(replaced(OLD, "z", "4"), None);
        assert_eq!(replaced("<!-- z: end --> <!-- z: begin -->", "z", "4"), None);
    }
}
