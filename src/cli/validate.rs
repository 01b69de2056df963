//! `packctl validate`: the inputs against the schemas of their kinds, without any world.

use std::collections::BTreeSet;

use super::ExitStatus;
use super::args::{ValidateArgs, ValidateOutput};
use super::failure::Failure;
use super::session::render_settings;
use super::settings;
use super::terminal::Terminal;
use crate::api::{Delivery, nebariapp, refused, unknown};
use crate::diagnostic::{Diagnostic, Severity, SourceMap};
use crate::load::load;
use crate::observed::Kinds;
use crate::present;
use crate::render::{RenderSettings, render};
use crate::resource::Address;
use crate::schema::{Schemas, metadata_violations, violations};
use crate::yaml::Document;

pub(super) fn run(args: &ValidateArgs, terminal: &Terminal) -> Result<ExitStatus, Failure> {
    if args.input.filename.is_empty() {
        return Err(Failure::usage("there is nothing to validate").help("name files or folders with -f"));
    }
    settings::check_helm(args.helm.as_deref())?;
    let wanted = crate::load::Inputs { paths: args.input.filename.clone(), recursive: args.input.recursive };
    let loaded = load(&wanted, &mut std::io::stdin(), &terminal.secrets);
    let mut kinds = Kinds::platform();
    let mut schemas = Schemas::default();
    // Charts may ask for kinds that plain CRDs of the input bring.
    loaded.documents.iter().for_each(|document| add_crd(document, &mut kinds, &mut schemas));
    let settings = RenderSettings {
        // Who delivers a pack makes no difference to what it says.
        delivery: Some(Delivery::Direct),
        ..render_settings(&kinds, None, settings::helm(args.helm.as_deref()))
    };
    let packs = render(&loaded, &settings, &terminal.secrets);
    packs.iter().flat_map(|pack| &pack.documents).for_each(|document| add_crd(document, &mut kinds, &mut schemas));

    let mut sources = loaded.sources.clone();
    let mut check =
        Check { args, kinds: &kinds, schemas: &schemas, report: present::json::ValidateDocument::default() };
    check.report.diagnostics = loaded.diagnostics.clone();
    loaded.documents.iter().for_each(|document| check.document(document, None));
    for pack in &packs {
        sources.0.extend(pack.sources.0.clone());
        check.report.diagnostics.extend(pack.notes.iter().chain(&pack.failed).cloned());
        pack.documents.iter().for_each(|document| check.document(document, pack.destination.as_deref()));
    }
    finish(check.report, &sources, args.output, terminal)
}

struct Check<'c> {
    args: &'c ValidateArgs,
    kinds: &'c Kinds,
    schemas: &'c Schemas,
    report: present::json::ValidateDocument,
}

impl Check<'_> {
    fn document(&mut self, document: &Document, namespace: Option<&str>) {
        let (Some((group, version, kind)), Some(address)) = (document.kind(), document.address(namespace, self.kinds))
        else {
            return;
        };
        let known = self.schemas.get(group, kind);
        let Some(schema) = known.filter(|schema| schema.version() == version) else {
            let ours = (group, kind) == (nebariapp::GROUP, nebariapp::KIND);
            if let Some(schema) = known.filter(|_| ours) {
                let message = format!("{}: there is no NebariApp of version `{version}`", address.short());
                let finding = Diagnostic::error("PK0304", message).object(&address).field("apiVersion");
                let finding = finding.place(Some(document.place("/apiVersion")));
                self.report.diagnostics.push(finding.help(format!("write `{group}/{}`", schema.version())));
            } else {
                let of_group = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
                *self.report.unchecked.entry(format!("{of_group} {kind}")).or_default() += 1;
            }
            return;
        };
        self.report.checked += 1;
        let found = unknown(document, &address.short(), schema, self.args.input.unknown_fields()).0;
        let mut broken = violations(&document.value, schema);
        broken.extend(metadata_violations(&document.value, !schema.root().is_built_in()));
        let refused = |broken: &crate::schema::Violation| {
            let field = document.path(&broken.pointer).to_string();
            refused(&address.short(), kind, field, broken, Some(document.place(&broken.pointer)))
        };
        let findings = found.into_iter().chain(broken.iter().map(refused));
        self.report.diagnostics.extend(findings.map(|found| of(found, &address)));
    }
}

fn of(finding: Diagnostic, address: &Address) -> Diagnostic {
    let app = address.as_app();
    Diagnostic { app, ..finding.object(address) }
}

fn add_crd(document: &Document, kinds: &mut Kinds, schemas: &mut Schemas) {
    if document
        .kind()
        .is_none_or(|(group, _, kind)| (group, kind) != ("apiextensions.k8s.io", "CustomResourceDefinition"))
    {
        return;
    }
    schemas.add_crd(&document.value);
    let text = |pointer| document.text(pointer);
    let (Some(group), Some(kind), Some(plural)) =
        (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"))
    else {
        return;
    };
    let version = schemas.get(group, kind).map(|schema| schema.version().to_owned()).unwrap_or_default();
    kinds.insert(group, kind, &version, plural, text("/spec/scope") == Some("Namespaced"));
}

fn finish(
    mut report: present::json::ValidateDocument,
    sources: &SourceMap,
    output: ValidateOutput,
    terminal: &Terminal,
) -> Result<ExitStatus, Failure> {
    let findings: BTreeSet<Diagnostic> = std::mem::take(&mut report.diagnostics).into_iter().collect();
    report.diagnostics = findings.into_iter().collect();
    let count = |severity| report.diagnostics.iter().filter(|found| found.severity == severity).count();
    (report.errors, report.warnings) = (count(Severity::Error), count(Severity::Warning));
    match output {
        ValidateOutput::Json => terminal.data(&present::json::pretty(&report))?,
        ValidateOutput::Text => {
            let mut out = String::new();
            present::diagnostics::render(&mut out, &report.diagnostics, sources, &terminal.style(false));
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&present::validated(&report));
            terminal.data(&out)?;
        }
    }
    Ok(if report.errors > 0 { ExitStatus::Error } else { ExitStatus::Success })
}
