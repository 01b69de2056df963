//! A line for each pack and app, what is wrong below it.

use super::super::layout::{Line, below};
use super::super::visible::columns;
use super::super::words::{count, list};
use super::super::{Label, Style, View, head};
use crate::plan::{AppStatus, PackStatus, Plan, Problem, State, Status};

/// Writes packs, then apps. `plan` is the one that the status was made of.
pub fn status(out: &mut String, status: &Status, plan: &Plan, style: &Style) {
    let page = Page { view: View::new(plan, style), status };
    head::header(out, &page.view);
    let unread = head::unread(&page.view);
    if !unread.is_empty() {
        head::write(out, &page.view, &unread);
    }
    page.packs(out);
    page.apps(out);
    page.totals(out);
}

struct Page<'p> {
    view: View<'p>,
    status: &'p Status,
}

/// Columns before a name: `  waiting  `.
const NAMES: usize = 11;

impl Page<'_> {
    fn packs(&self, out: &mut String) {
        let name = |pack: &PackStatus| self.view.text(&format!("pack/{}/{}", pack.id.namespace, pack.id.name));
        let widest = self.status.packs.iter().map(|pack| columns(&name(pack))).max().unwrap_or(0);
        self.heading(out, "packs", self.status.packs.is_empty());
        for pack in &self.status.packs {
            let deployments = match pack.deployments {
                (_, 0) => String::new(),
                (ready, all) => format!("; {ready} of {} ready", count(all, "Deployment")),
            };
            let apps: Vec<String> = pack.apps.keys().map(|app| self.view.text(&format!("app/{app}"))).collect();
            let apps = if apps.is_empty() { "no app".into() } else { list(&apps) };
            let facts = format!("{}; {apps}{deployments}", self.view.text(&pack.version));
            self.row(out, pack.state(), &name(pack), widest, &facts);
            // What stands with an app is not said twice.
            let of_apps = self.status.apps.iter().filter(|app| pack.apps.contains_key(&app.id));
            let said: Vec<&Problem> = of_apps.flat_map(|app| &app.problems).collect();
            let unsaid: Vec<Problem> = pack.problems.iter().filter(|found| !said.contains(found)).cloned().collect();
            self.problems(out, &unsaid);
        }
    }

    fn apps(&self, out: &mut String) {
        let name = |app: &AppStatus| self.view.text(&format!("app/{}", app.id));
        let widest = self.status.apps.iter().map(|app| columns(&name(app))).max().unwrap_or(0);
        self.heading(out, "apps", self.status.apps.is_empty());
        for app in &self.status.apps {
            let mut urls = app.urls.iter();
            let url = |(url, audience): (&String, &String)| self.view.text(&format!("{url}: {audience}"));
            let first = urls.next().map_or_else(|| "serves nothing".into(), url);
            self.row(out, app.state(), &name(app), widest, &first);
            for other in urls {
                below(out, &self.view, NAMES + widest + 2, Label::Plain, &url(other), self.view.style.width);
            }
            self.problems(out, &app.problems);
            if let Some(text) = differs(app) {
                below(out, &self.view, NAMES, Label::Drift, &text, self.view.style.width);
            }
        }
    }

    fn heading(&self, out: &mut String, word: &str, none: bool) {
        out.push('\n');
        let mut line = Line::new(&self.view);
        line.put(Label::Heading, word);
        line.put(Label::Plain, if none { ": none" } else { "" });
        line.end(out);
    }

    fn row(&self, out: &mut String, state: State, name: &str, widest: usize, facts: &str) {
        let mut line = Line::new(&self.view);
        line.to(2);
        line.put(label(state), state.word());
        line.to(NAMES);
        line.put(Label::Plain, name);
        let at = NAMES + widest + 2;
        let fits = at + columns(facts) <= self.view.style.width;
        if fits {
            line.to(at);
            line.put(Label::Plain, facts);
        }
        line.end(out);
        if !fits {
            below(out, &self.view, NAMES, Label::Plain, facts, self.view.style.width);
        }
    }

    fn problems(&self, out: &mut String, problems: &[Problem]) {
        for problem in problems {
            let about = problem.object.as_ref().map(|object| format!("{}: ", self.view.name(object)));
            let text = format!("{}{}", about.unwrap_or_default(), self.view.text(&problem.why));
            below(out, &self.view, NAMES, label(problem.state), &text, self.view.style.width);
        }
    }

    fn totals(&self, out: &mut String) {
        let states = || self.status.apps.iter().map(AppStatus::state);
        let all = [State::Ready, State::Waiting, State::Blocked, State::Failed];
        let parts = all.map(|state| (states().filter(|found| *found == state).count(), state.word()));
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        let (packs, apps) = (count(self.status.packs.len(), "pack"), count(self.status.apps.len(), "app"));
        out.push('\n');
        below(out, &self.view, 0, Label::Plain, &format!("{packs}, {apps}{parts}."), self.view.style.width);
    }
}

/// What a plan would do to an app.
fn differs(app: &AppStatus) -> Option<String> {
    let drifted = (app.drifted > 0).then(|| format!(", {} changed by another hand", app.drifted));
    let pending = (app.pending > 0 || app.drifted > 0).then(|| count(app.pending, "object"))?;
    Some(format!("{pending} not as wanted{}; packctl plan", drifted.unwrap_or_default()))
}

fn label(state: State) -> Label {
    match state {
        State::Ready => Label::Create,
        State::Waiting => Label::Warning,
        State::Blocked | State::Failed => Label::Error,
    }
}
