//! The apps of the tests' inputs: a Service and a NebariApp.

#[derive(Clone)]
pub(super) struct App {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
    /// Whether the NebariApp's port is one that the Service has.
    pub(super) mistaken: bool,
    /// Served over http.
    pub(super) plain: bool,
}

impl App {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), port: 80, mistaken: false, plain: false }
    }

    /// The app with another port, of the Service too.
    pub(super) fn on(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The app with a port that its Service does not have.
    pub(super) fn mistaken(mut self) -> Self {
        self.mistaken = true;
        self
    }

    /// The app without TLS.
    pub(super) fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    pub(super) fn host(&self) -> String {
        format!("{}.{}.example.test", self.name, self.namespace)
    }

    pub(super) fn address(&self) -> String {
        format!("app/{}/{}", self.namespace, self.name)
    }

    pub(super) fn listener(&self) -> String {
        format!("tls-{}-{}", self.name, self.namespace)
    }

    pub(super) fn client_id(&self) -> String {
        format!("{}-{}", self.namespace, self.name)
    }

    pub(super) fn login(&self) -> bool {
        self.name.starts_with("guarded")
    }

    pub(super) fn yaml(&self) -> String {
        let Self { namespace, name, port, mistaken, plain } = self;
        let (host, login) = (self.host(), self.login());
        let asked = if *mistaken { port + 1 } else { *port };
        format!(
            "\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, name: a}}, {{port: 8080, name: b}}]}}
---
apiVersion: reconcilers.nebari.dev/v1
kind: NebariApp
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hostname: {host}
  service: {{name: {name}, port: {asked}}}
  auth: {{enabled: {login}}}
  routing: {{routes: [{{pathPrefix: /}}], tls: {{enabled: {}}}}}
",
            !plain
        )
    }
}
