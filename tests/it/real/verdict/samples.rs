//! Objects of other kinds that the server takes as they are; what is broken in them is `cases`' business.

/// Custom kinds beside our own: apiVersion, plural, file of the CRD, sample.
pub(super) const OTHERS: &[(&str, &str, &str, &str)] = &[
    (
        "gateway.networking.k8s.io/v1",
        "httproutes",
        "gateway.networking.k8s.io_httproutes",
        r#"
kind: HTTPRoute
spec:
  hostnames: [a.example.test]
  parentRefs: [{name: gateway, namespace: other, sectionName: https}, {name: gateway, sectionName: http}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /a}, headers: [{name: x, value: y}], method: GET}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]
    timeouts: {request: 10s, backendRequest: 5s}
  - backendRefs: [{name: web, port: 80, weight: 0}]
"#,
    ),
    (
        "gateway.networking.k8s.io/v1",
        "gateways",
        "gateway.networking.k8s.io_gateways",
        r#"
kind: Gateway
spec:
  gatewayClassName: envoy
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - name: tls
    hostname: a.example.test
    port: 443
    protocol: HTTPS
    tls: {mode: Terminate, certificateRefs: [{kind: Secret, name: tls}]}
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}
"#,
    ),
    (
        "gateway.envoyproxy.io/v1alpha1",
        "securitypolicies",
        "gateway.envoyproxy.io_securitypolicies",
        r#"
kind: SecurityPolicy
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]
  oidc:
    clientID: c
    clientSecret: {name: s}
    provider: {issuer: "https://a.example.test/realms/r", tokenEndpoint: "http://kc/token"}
    redirectURL: https://a.example.test/oauth2/callback
    logoutPath: /logout
    scopes: [openid]
    cookieNames: {accessToken: at}
  jwt:
    providers: [{name: p, issuer: i, remoteJWKS: {uri: "http://kc/certs"}, extractFrom: {cookies: [at]}}]
  authorization:
    defaultAction: Deny
    rules: [{action: Allow, principal: {jwt: {provider: p, claims: [{name: azp, values: [c]}]}}}]
"#,
    ),
    (
        "cert-manager.io/v1",
        "certificates",
        "cert-manager.io_certificates",
        r#"
kind: Certificate
spec:
  secretName: tls
  dnsNames: [a.example.test]
  duration: 2160h
  issuerRef: {name: i, kind: ClusterIssuer}
  privateKey: {algorithm: ECDSA, size: 256}
  usages: [server auth]
"#,
    ),
];

/// Built-in kinds: apiVersion, plural, sample.
pub(super) const BUILT_IN: &[(&str, &str, &str)] = &[
    (
        "apps/v1",
        "deployments",
        r#"
kind: Deployment
spec:
  replicas: 2
  selector: {matchLabels: {a: b}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - name: c
        image: i
        env: [{name: A, value: "1"}]
        ports: [{containerPort: 80, name: http}]
        resources: {limits: {cpu: 1, memory: 1Gi}}
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 5}
"#,
    ),
    (
        "v1",
        "services",
        r#"
kind: Service
spec:
  selector: {a: b}
  ports: [{name: http, port: 80, targetPort: http}, {name: sql, port: 5432, targetPort: 5432}]
"#,
    ),
    ("v1", "configmaps", "kind: ConfigMap\ndata: {a: b}\nimmutable: false\n"),
];
