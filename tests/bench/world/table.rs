//! Figures beside what they should be.

/// One row: what is measured, the figure, and the goal where there is one.
pub(crate) struct Row {
    what: String,
    figure: String,
    goal: String,
}

/// Rows under a title.
pub(crate) struct Table {
    title: String,
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.rows.push(Row { what: what.into(), figure: figure.into(), goal: String::new() });
    }

    /// A figure that should be at most `goal`; where it is not, the row says so.
    pub(crate) fn at_most(&mut self, what: impl Into<String>, figure: f64, goal: f64, show: impl Fn(f64) -> String) {
        let word = if figure <= goal { "at most" } else { "MISSED: at most" };
        self.rows.push(Row { what: what.into(), figure: show(figure), goal: format!("{word} {}", show(goal)) });
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widest = |of: fn(&Row) -> &str| self.rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
        let (what, figure) = (widest(|row| &row.what), widest(|row| &row.figure));
        writeln!(f, "{}\n", self.title)?;
        for row in &self.rows {
            let line = format!("  {:what$}  {:>figure$}  {}", row.what, row.figure, row.goal);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
