//! Which kinds a cluster serves, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a cluster serves a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindInfo {
    /// The version that is read and written, the server's preferred one: `v1`.
    pub version: String,
    /// The resource's plural name in URLs.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

/// The kinds of a cluster by group (empty for core) and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds(pub BTreeMap<(String, String), KindInfo>);

impl Kinds {
    /// How a kind is served; `None` when the cluster does not know it.
    pub fn get(&self, group: &str, kind: &str) -> Option<&KindInfo> {
        self.0.get(&(group.to_owned(), kind.to_owned()))
    }

    /// Adds a kind.
    pub fn insert(&mut self, group: &str, kind: &str, version: &str, plural: &str, namespaced: bool) {
        let info = KindInfo { version: version.into(), plural: plural.into(), namespaced };
        self.0.insert((group.into(), kind.into()), info);
    }

    /// The built-in kinds of Kubernetes 1.34 and the platform's CRDs: what a hand-written snapshot is assumed to serve.
    pub fn platform() -> Self {
        let mut kinds = Self::default();
        for (group, version, names, namespaced) in PLATFORM {
            for name in names.split_whitespace() {
                let (kind, plural) = name.split_once('=').unwrap_or((name, name));
                kinds.insert(group, kind, version, plural, *namespaced);
            }
        }
        kinds
    }
}

const PLATFORM: &[(&str, &str, &str, bool)] = &[
    ("", "v1", "Namespace=namespaces Node=nodes PersistentVolume=persistentvolumes", false),
    (
        "",
        "v1",
        "ConfigMap=configmaps Endpoints=endpoints Event=events LimitRange=limitranges \
         PersistentVolumeClaim=persistentvolumeclaims Pod=pods ResourceQuota=resourcequotas Secret=secrets \
         Service=services ServiceAccount=serviceaccounts",
        true,
    ),
    ("apps", "v1", "DaemonSet=daemonsets Deployment=deployments ReplicaSet=replicasets StatefulSet=statefulsets", true),
    ("batch", "v1", "CronJob=cronjobs Job=jobs", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler=horizontalpodautoscalers", true),
    ("policy", "v1", "PodDisruptionBudget=poddisruptionbudgets", true),
    ("coordination.k8s.io", "v1", "Lease=leases", true),
    ("networking.k8s.io", "v1", "Ingress=ingresses NetworkPolicy=networkpolicies", true),
    ("networking.k8s.io", "v1", "IngressClass=ingressclasses", false),
    ("rbac.authorization.k8s.io", "v1", "Role=roles RoleBinding=rolebindings", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole=clusterroles ClusterRoleBinding=clusterrolebindings", false),
    ("storage.k8s.io", "v1", "StorageClass=storageclasses", false),
    ("scheduling.k8s.io", "v1", "PriorityClass=priorityclasses", false),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition=customresourcedefinitions", false),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration=mutatingwebhookconfigurations \
         ValidatingWebhookConfiguration=validatingwebhookconfigurations",
        false,
    ),
    ("reconcilers.nebari.dev", "v1", "NebariApp=nebariapps", true),
    ("gateway.networking.k8s.io", "v1", "Gateway=gateways GRPCRoute=grpcroutes HTTPRoute=httproutes", true),
    ("gateway.networking.k8s.io", "v1alpha3", "TLSRoute=tlsroutes", true),
    ("gateway.networking.k8s.io", "v1", "GatewayClass=gatewayclasses", false),
    ("gateway.networking.k8s.io", "v1beta1", "ReferenceGrant=referencegrants", true),
    ("gateway.envoyproxy.io", "v1alpha1", "HTTPRouteFilter=httproutefilters SecurityPolicy=securitypolicies", true),
    ("cert-manager.io", "v1", "Certificate=certificates Issuer=issuers", true),
    ("cert-manager.io", "v1", "ClusterIssuer=clusterissuers", false),
    ("argoproj.io", "v1alpha1", "Application=applications AppProject=appprojects", true),
];
