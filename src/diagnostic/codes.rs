//! A page for each code of a finding that no rule of `check` has. A rule brings its own.

/// What a finding with a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The code, `PK0101`.
    pub code: &'static str,
    /// What happened, and why it is a finding.
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The page of a code; `None` where there is no such code, or a rule has it.
pub fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code.eq_ignore_ascii_case(code))
}

const fn at(code: &'static str, what: &'static str, remedy: &'static str) -> Page {
    Page { code, what, remedy }
}

/// All pages: 01 files and texts, 02 packs and rendering, 03 objects, 05 recorded worlds.
pub const PAGES: &[Page] = &[
    at(
        "PK0101",
        "A file or folder that was named cannot be read, or is `packctl.yaml`, which is settings and no input.\n\n\
         Nothing is planned: what could not be read might hold what the rest needs.",
        "check the path after -f and the rights of the file. Name the folder of `packctl.yaml`, not the file.",
    ),
    at(
        "PK0102",
        "An input holds no manifest at all.\n\n\
         A pipe that broke and a file that was cut off look like this, and must not look like a plan without changes.",
        "write the file to its end; manifests end in .yaml, .yml or .json, and folders below are read with -R.",
    ),
    at(
        "PK0103",
        "An input is too big: more than 20 MB in one text, or more than 10,000 files.",
        "split the file, or name the folders that are meant.",
    ),
    at("PK0104", "A text is not UTF-8.", "save the file as UTF-8; the finding names the first place that is not."),
    at(
        "PK0105",
        "A text holds a control character, which YAML does not allow and a terminal would obey.",
        "remove it, or write it as an escape in a double-quoted text: \"\\u001b\".",
    ),
    at(
        "PK0106",
        "A text is no YAML or JSON that Kubernetes could read: broken syntax, a tab that indents, a key that is there twice, a \
         number without a JSON form.\n\n\
         Of two equal keys Kubernetes keeps the second in silence; here that is an error.",
        "correct the place that the finding names.",
    ),
    at(
        "PK0107",
        "A text is nested too deeply or grows too far when its aliases are expanded.\n\n\
         Such texts are written to exhaust a machine.",
        "split the file, or write out what its aliases stand for.",
    ),
    at(
        "PK0108",
        "A document is no object that a Kubernetes API would take: apiVersion, kind or name is missing, or a number stands where \
         only a text may be, such as an unquoted label `1.0`.\n\n\
         `generateName` makes another object each time, which no plan can compare.",
        "complete or quote the field. Keep files that are no manifests out of the input.",
    ),
    at(
        "PK0109",
        "An ApplicationSet makes Applications in the cluster; which ones is not known here.",
        "name the Applications.",
    ),
    at("PK0110", "`packctl.yaml` has a key that there is not.", "correct the name; the finding lists the keys."),
    at(
        "PK0111",
        "A setting of `packctl.yaml` is of the wrong type, is no name, or has no effect yet.",
        "write the setting as the guide page about packs shows it.",
    ),
    at(
        "PK0112",
        "`packctl.yaml` holds a setting that must not stand in a repository.\n\n\
         A pull request can write that file. What grants access, names an endpoint or describes the cluster is trusted, and comes \
         from flags, variables or the cluster.",
        "move it to where the finding says.",
    ),
    at(
        "PK0113",
        "A folder that `packctl.yaml` names is not there, or lies outside of the repository.",
        "name a folder inside the repository, relative to `packctl.yaml`.",
    ),
    at(
        "PK0114",
        "The inputs lie in two repositories with a `packctl.yaml` each, and one plan can follow one.",
        "plan them one after the other.",
    ),
    at(
        "PK0115",
        "A link leads out of the repository, or to a folder.\n\n\
         A pull request could make a link to any file of the machine that plans.",
        "put the file itself there, or name the folder with -f.",
    ),
    at(
        "PK0116",
        "A value of a Secret cannot be read: `data` that is no base64, or a value that is no text.",
        "write the value as base64 in `data`, or as it is in `stringData`.",
    ),
    at(
        "PK0117",
        "Two packs have one name: they would take each other's objects for what left the pack. Neither is planned.",
        "keep one, or give the other another name.",
    ),
    at(
        "PK0118",
        "A recorded world lies below a folder of the input and is not read: its objects are what is, not what is wanted.",
        "nothing; `--snapshot` names a world that is to be planned on.",
    ),
    at(
        "PK0119",
        "`packctl.yaml` holds something that looks like a password, token or key.",
        "take it out, also of the repository's history, and change it: it was readable by everybody.",
    ),
    at(
        "PK0201",
        "An Application asks for something that packctl does not do yet, above all several sources, chart repositories, kustomize \
         and plugins.\n\n\
         The Application is refused as a whole: half of a pack is another pack. The others go on.",
        "remove the field, or leave this Application to Argo CD.",
    ),
    at(
        "PK0202",
        "A field of an Application is missing or of the wrong type, or its release name or file pattern is none.",
        "correct the field that the finding names.",
    ),
    at(
        "PK0203",
        "An Application is delivered by Argo CD, which is the default, and packctl cannot plan that yet.",
        "write `delivery: {NAMESPACE/NAME: direct}` in `packctl.yaml`, or give `--delivery direct`, if packctl may deliver it.",
    ),
    at(
        "PK0204",
        "The source of an Application is a repository that no folder stands for.",
        "write `repositories: {\"URL\": FOLDER}` in `packctl.yaml`.",
    ),
    at(
        "PK0205",
        "The path of an Application's source, or a file in it, is not there, is no folder, cannot be read, or leaves the \
         repository.",
        "correct `spec.source.path`, or what the finding names.",
    ),
    at(
        "PK0206",
        "Something of an Application has no effect when packctl delivers it: sync options, ignored differences, values beside an \
         object of values.",
        "nothing, or remove it so that nobody relies on it.",
    ),
    at(
        "PK0207",
        "A folder is made for a program that packctl does not run: kustomize, jsonnet, a plugin, or Argo CD's own override files.",
        "name the rendered manifests.",
    ),
    at(
        "PK0208",
        "An object of a pack carries a hook, a wave or another annotation that changes when or how it is written.\n\n\
         Without it the object would be written at the wrong time, so the pack is refused.",
        "remove the annotation, or leave the pack to Argo CD.",
    ),
    at(
        "PK0210",
        "A chart renders something else each time: a random password, a new certificate, the time.\n\n\
         Every plan would show a change that is none, and every apply would break running pods.",
        "set the value, or name an existing Secret.",
    ),
    at(
        "PK0211",
        "The program helm is not there or cannot be run.",
        "put `helm` on PATH, or name it with --helm or PACKCTL_HELM.",
    ),
    at(
        "PK0212",
        "Helm cannot render a chart with these values.",
        "run `helm template` in the chart's folder; it says the same.",
    ),
    at(
        "PK0213",
        "Helm took too long, printed too much or needed too much memory for a chart, or cannot be limited on this system.",
        "look at the chart's loops and at the files that it includes.",
    ),
    at(
        "PK0214",
        "What a template renders is no YAML.",
        "look at it with `helm template`; the finding names template and line.",
    ),
    at(
        "PK0215",
        "A pack brings one object twice. As with Argo CD the last one counts.",
        "keep one of the two; people read the first.",
    ),
    at(
        "PK0216",
        "A value file is not there or lies outside of the repository.",
        "correct `spec.source.helm.valueFiles`.",
    ),
    at(
        "PK0217",
        "A chart needs another chart that does not lie in the repository.",
        "run `helm dependency build` and commit `charts/`, or name a folder of this repository.",
    ),
    at(
        "PK0218",
        "A file of a pack's folder holds no manifest. As with Argo CD it is passed over.",
        "move it out of the folder, or exclude it.",
    ),
    at(
        "PK0219",
        "A chart could not be copied for helm, which never runs in the repository itself.",
        "make room, set TMPDIR, or correct the link or file that the finding names.",
    ),
    at(
        "PK0301",
        "A pack has no namespace: neither its destination nor any of its objects names one, and its record must be somewhere.",
        "set `spec.destination.namespace` of the Application, or `metadata.namespace` of an object.",
    ),
    at(
        "PK0302",
        "A document of a pack lacks `apiVersion`, `kind` or `metadata.name`.",
        "complete the manifest, or keep files that are no manifests out of the folder.",
    ),
    at(
        "PK0303",
        "The cluster does not know a kind.\n\n\
         The rest is planned; a pack with such an object deletes nothing, because it was not understood to the last object.",
        "install the CustomResourceDefinition first, or correct `apiVersion` and `kind`.",
    ),
    at(
        "PK0304",
        "A manifest is written for another version of its kind than the one that the cluster prefers.",
        "write the version that the finding names.",
    ),
    at(
        "PK0305",
        "An object that lives in a namespace names none, and no pack gives it one.",
        "set `metadata.namespace`.",
    ),
    at(
        "PK0306",
        "Two manifests, or a manifest and an app, claim one object. Neither of manifest and derived object is written: the \
         manifest could open what the app keeps closed.",
        "keep one of the two, or rename the manifest's object.",
    ),
    at(
        "PK0307",
        "The cluster has no name, and every mark that says whose an object is begins with it.",
        "set `cluster` in the environment, or allow reading Namespace kube-system, whose uid is the name by default.",
    ),
    at("PK0308", "An app that should be destroyed is not there.", "nothing, or correct the name."),
    at(
        "PK0309",
        "A pack that should be destroyed is not there: nothing carries its mark.",
        "nothing, or correct the name.",
    ),
    at(
        "PK0310",
        "A Gateway whose anchor should go is not there or cannot be read, so nobody knows whether an app still needs the anchor.",
        "correct the name, or ask for the right to read the Gateway.",
    ),
    at(
        "PK0311",
        "A Gateway whose anchor should go still serves apps of packctl, which the anchor protects.",
        "destroy these apps first.",
    ),
    at(
        "PK0312",
        "A pack has the name of another one that was delivered from another source: its objects would be deleted as what left the \
         pack.",
        "give the new pack another name, or `packctl destroy` the old one first.",
    ),
    at(
        "PK0313",
        "An object has a field that its kind does not have.\n\n\
         The API server drops such fields. For a NebariApp it is a warning, and the field is in no body and in no difference; with \
         --strict it is an error. For other kinds it always is, as with kubectl: a misspelt `data` would empty a ConfigMap. So it is \
         where a NebariApp may mean the login: below `spec.auth`, where the name looks like `auth`, or \
         where a field of `spec.auth` stands somewhere else. A typo must not open an app.",
        "correct the name; `packctl explain KIND.FIELD` lists what there is.",
    ),
    at(
        "PK0501",
        "The folder that --snapshot names is not there or holds no recorded world.",
        "name a folder that `packctl snapshot --out` wrote.",
    ),
    at(
        "PK0502",
        "A file of a recorded world cannot be read or is not what belongs there.",
        "correct it, or record the world again.",
    ),
    at(
        "PK0503",
        "A file of a recorded world lies where the layout has none, or its path and its content name different objects.",
        "move it: kubernetes/GROUP/KIND/NAMESPACE/NAME.yaml, `core` for the empty group, `_cluster` for no namespace.",
    ),
    at(
        "PK0504",
        "A recorded world holds an object of a kind that it does not serve.",
        "add the kind to `apis.json`, or remove the file.",
    ),
    at(
        "PK0505",
        "A recorded world holds a value of a Secret in clear, where only numbers belong.",
        "write `packctl-secret:NUMBER`; equal numbers are equal values.",
    ),
];
