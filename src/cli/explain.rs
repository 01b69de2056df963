//! `packctl explain`: an address of the plan, or the code of a finding.

use super::ExitStatus;
use super::args::ExplainArgs;
use super::failure::Failure;
use super::plan::pipeline;
use super::terminal::Terminal;
use crate::check::RULES;
use crate::plan::Plan;
use crate::present;
use crate::resource::Address;

pub(super) async fn run(args: ExplainArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if let Some(rule) = RULES.iter().find(|rule| rule.code().eq_ignore_ascii_case(&args.subject)) {
        terminal.data(&format!("{}\n\n{}\n", rule.code(), rule.docs()))?;
        return Ok(ExitStatus::Success);
    }
    if is_code(&args.subject) {
        let (first, last) = (RULES.first().map(|rule| rule.code()), RULES.last().map(|rule| rule.code()));
        let (code, first, last) = (&args.subject, first.unwrap_or_default(), last.unwrap_or_default());
        return Err(Failure::error(format!("no rule has the code {code}; the codes of rules are {first} to {last}"))
            .help("every other finding says what to do in its own help line"));
    }
    let planned = pipeline(&args.input, &args.world, terminal).await?;
    let address = find(&args.subject, &planned.plan, args.input.filename.is_empty())?;
    let mut out = String::new();
    present::explain(&mut out, &planned.plan, &address, &terminal.style(true));
    terminal.data(&out)?;
    Ok(ExitStatus::Success)
}

/// Whether a text is the code of a finding, whether there is such a one or not.
fn is_code(text: &str) -> bool {
    let digits = text.get(..2).filter(|head| head.eq_ignore_ascii_case("PK")).and_then(|_| text.get(2..));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The address that a text names: a whole one, a short one, or an unambiguous tail.
fn find(text: &str, plan: &Plan, live: bool) -> Result<Address, Failure> {
    let known = || plan.changes.keys().chain(plan.blocked.keys()).chain(plan.kept.keys());
    if let Some(address) = known().find(|address| address.to_string() == text || address.short() == text) {
        return Ok(address.clone());
    }
    let is_tail =
        |whole: &str| whole.strip_suffix(text).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':', '#']));
    let mut found: Vec<&Address> =
        known().filter(|address| is_tail(&address.to_string()) || is_tail(&address.short())).collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [address] => Ok((*address).clone()),
        [] => Err(Failure::error(format!("`{text}` names nothing in this plan")).help(if live {
            "without -f only the apps of the cluster are planned; name the inputs with -f, as for `packctl plan`"
        } else {
            "`packctl plan --all` shows the names; findings are explained by their code, such as PK0406"
        })),
        _ => {
            let shorts: Vec<String> = found.iter().map(|address| address.short()).collect();
            let shared = |short: &String| shorts.iter().filter(|other| *other == short).count() > 1;
            let names = found.iter().zip(&shorts);
            let names: Vec<String> =
                names.map(|(address, short)| if shared(short) { address.to_string() } else { short.clone() }).collect();
            Err(Failure::error(format!("`{text}` is ambiguous:\n  {}", names.join("\n  ")))
                .help("write one of these names"))
        }
    }
}
