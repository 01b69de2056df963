//! `packctl explain`: an address of the plan, a field of a kind, or the code of a finding.

use super::args::{ExplainArgs, SelectArgs};
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use super::{ExitStatus, names};
use crate::check::RULES;
use crate::diagnostic::page;
use crate::plan::Plan;
use crate::present;
use crate::resource::Address;

pub(super) async fn run(args: ExplainArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if let Some(rule) = RULES.iter().find(|rule| rule.code().eq_ignore_ascii_case(&args.subject)) {
        terminal.data(&format!("{}\n\n{}\n", rule.code(), rule.docs()))?;
        return Ok(ExitStatus::Success);
    }
    if let Some(page) = page(&args.subject) {
        terminal.data(&format!("{}\n\n{}\n\nWhat to do: {}\n", page.code, page.what, page.remedy))?;
        return Ok(ExitStatus::Success);
    }
    if is_code(&args.subject) {
        let (first, last) = (RULES.first().map(|rule| rule.code()), RULES.last().map(|rule| rule.code()));
        let (code, first, last) = (&args.subject, first.unwrap_or_default(), last.unwrap_or_default());
        return Err(Failure::error(format!("no finding has the code {code}"))
            .help(format!("the codes of rules are {first} to {last}, those of inputs begin with PK01")));
    }
    if let Some(status) = super::field::explain(&args, terminal).await? {
        return Ok(status);
    }
    let planned = pipeline(&args.input, &SelectArgs::default(), &args.world, terminal).await?;
    let mut out = String::new();
    if let Some(name) = args.subject.strip_prefix("pack/") {
        let pack = names::pack(name, planned.plan.packs.keys())?.ok_or_else(|| {
            Failure::error(format!("no pack {name} is in the inputs")).help(
                "name the inputs with -f, as for `packctl plan`; `packctl status` tells of the packs of the cluster",
            )
        })?;
        present::explain_pack(&mut out, &planned.plan, pack, &terminal.style(true));
        terminal.data(&out)?;
        return Ok(ExitStatus::Success);
    }
    let address = find(&args.subject, &planned.plan, args.input.filename.is_empty())?;
    present::explain(&mut out, &planned.plan, &address, &terminal.style(true));
    terminal.data(&out)?;
    Ok(ExitStatus::Success)
}

/// Whether a text is the code of a finding, whether there is such a one or not.
fn is_code(text: &str) -> bool {
    let digits = text.get(..2).filter(|head| head.eq_ignore_ascii_case("PK")).and_then(|_| text.get(2..));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The address that a text names in a plan.
fn find(text: &str, plan: &Plan, live: bool) -> Result<Address, Failure> {
    let known = plan.changes.keys().chain(plan.blocked.keys()).chain(plan.kept.keys());
    names::one(text, known)?.cloned().ok_or_else(|| {
        Failure::error(format!("`{text}` names nothing in this plan")).help(if live {
            "without -f only the apps of the cluster are planned; name the inputs with -f, as for `packctl plan`"
        } else {
            "`packctl plan --all` shows the names; findings are explained by their code, such as PK0406"
        })
    })
}
