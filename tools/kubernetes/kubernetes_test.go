package kubernetes

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const manifests = "../../examples/kubernetes"

// strictly decodes YAML into a published type and refuses a field that it lacks.
func strictly(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// types are those of the kinds that we have.
func typeOf(t *testing.T, kind string) any {
	t.Helper()
	types := map[string]any{
		"Job": &batchv1.Job{}, "CronJob": &batchv1.CronJob{}, "ConfigMap": &corev1.ConfigMap{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaim{},
		"NetworkPolicy": &networkingv1.NetworkPolicy{}, "PrometheusRule": &monitoringv1.PrometheusRule{}, "OpenTelemetryCollector": &openTelemetryCollector{},
	}
	if types[kind] == nil {
		t.Fatalf("no type for kind %q", kind)
	}
	return types[kind]
}

// TestWhatKustomizeMakes builds examples/kubernetes as kubectl apply -k does, and reads
// every object strictly.
func TestWhatKustomizeMakes(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), manifests)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object := typeOf(t, r.GetKind())
		strictly(t, text, object)
		names = append(names, r.GetKind()+"/"+r.GetName())
		if r.GetNamespace() != "usage" {
			t.Errorf("%s: namespace %q", r.GetName(), r.GetNamespace())
		}
		switch o := object.(type) {
		case *batchv1.Job:
			closed(t, o.Name, o.Spec.Template.Spec)
		case *batchv1.CronJob:
			closed(t, o.Name, o.Spec.JobTemplate.Spec.Template.Spec)
		case *corev1.ConfigMap:
			if o.Labels["grafana_dashboard"] != "1" || len(o.Data) != 1 {
				t.Errorf("%s: labels %v, %d files", o.Name, o.Labels, len(o.Data))
			}
			for name, board := range o.Data {
				if len(board) > 1<<20 || !json.Valid([]byte(board)) {
					t.Errorf("%s: %d bytes", name, len(board))
				}
			}
		}
	}
	slices.Sort(names)
	want := []string{
		"CronJob/usagectl-bill", "CronJob/usagectl-outlook", "CronJob/usagectl-plans", "CronJob/usagectl-prices", "CronJob/usagectl-retention", "CronJob/usagectl-verify",
		"Job/usagectl-migrate", "PersistentVolumeClaim/usage-prices", "PrometheusRule/otelcol-usage",
	}
	boards, err := filepath.Glob("../../dashboards/grafana/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards {
		want = append(want, "ConfigMap/"+strings.TrimSuffix(filepath.Base(b), ".json"))
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("made %v\nwant %v", names, want)
	}
}

// TestTheJobsBesideTheKustomization are as closed as those in it.
func TestTheJobsBesideTheKustomization(t *testing.T) {
	for _, file := range []string{"meter-cronjob.yaml", "budgets-cronjob.yaml"} {
		var job batchv1.CronJob
		strictly(t, read(t, manifests+"/"+file), &job)
		closed(t, job.Name, job.Spec.JobTemplate.Spec.Template.Spec)
	}
}

// closed holds what no container may do.
func closed(t *testing.T, name string, pod corev1.PodSpec) {
	t.Helper()
	if c := pod.SecurityContext; c == nil || c.RunAsNonRoot == nil || !*c.RunAsNonRoot || c.SeccompProfile == nil {
		t.Errorf("%s: the pod is not closed", name)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("%s: the token of the service account is mounted", name)
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		lockedDown(t, name+"/"+c.Name, c.SecurityContext)
		for _, e := range c.Env {
			if strings.Contains(e.Value, "://") && strings.Contains(strings.SplitN(e.Value, "@", 2)[0], ":secret") {
				t.Errorf("%s: a password in %s", name, e.Name)
			}
		}
		if strings.HasSuffix(c.Image, ":latest") || !strings.Contains(c.Image, ":") {
			t.Errorf("%s: image %s", name, c.Image)
		}
	}
}

func lockedDown(t *testing.T, name string, c *corev1.SecurityContext) {
	t.Helper()
	if c == nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem ||
		c.Capabilities == nil || !slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("%s: the container is not closed", name)
	}
}

// TestTheRulesAreThoseOfPrometheus: one list of alert rules for both.
func TestTheRulesAreThoseOfPrometheus(t *testing.T) {
	var file struct {
		Groups []monitoringv1.RuleGroup `json:"groups"`
	}
	strictly(t, read(t, "../../dashboards/prometheus/rules.yaml"), &file)
	var rule monitoringv1.PrometheusRule
	strictly(t, read(t, manifests+"/prometheusrule.yaml"), &rule)
	if len(file.Groups) == 0 || !reflect.DeepEqual(file.Groups, rule.Spec.Groups) {
		t.Error("prometheusrule.yaml has other groups than dashboards/prometheus/rules.yaml: copy them, two spaces deeper")
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// openTelemetryCollector has the documented fields of opentelemetry.io/v1beta1 that we
// use; the operator's own module cannot be had.
type openTelemetryCollector struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              struct {
		Mode                          string                         `json:"mode"`
		Replicas                      *int32                         `json:"replicas"`
		Image                         string                         `json:"image"`
		UpgradeStrategy               string                         `json:"upgradeStrategy"`
		Config                        map[string]any                 `json:"config"`
		Env                           []corev1.EnvVar                `json:"env"`
		Volumes                       []corev1.Volume                `json:"volumes"`
		VolumeMounts                  []corev1.VolumeMount           `json:"volumeMounts"`
		VolumeClaimTemplates          []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
		PodSecurityContext            *corev1.PodSecurityContext     `json:"podSecurityContext"`
		SecurityContext               *corev1.SecurityContext        `json:"securityContext"`
		Resources                     corev1.ResourceRequirements    `json:"resources"`
		TerminationGracePeriodSeconds *int64                         `json:"terminationGracePeriodSeconds"`
		Ports                         []corev1.ServicePort           `json:"ports"`
		LivenessProbe                 *probe                         `json:"livenessProbe"`
		ReadinessProbe                *probe                         `json:"readinessProbe"`
		PodDisruptionBudget           *struct {
			MinAvailable   *intstr.IntOrString `json:"minAvailable"`
			MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
		} `json:"podDisruptionBudget"`
		NetworkPolicy struct {
			Enabled *bool `json:"enabled"`
		} `json:"networkPolicy"`
		Observability struct {
			Metrics struct {
				EnableMetrics bool `json:"enableMetrics"`
			} `json:"metrics"`
		} `json:"observability"`
	} `json:"spec"`
}

type probe struct {
	InitialDelaySeconds *int32 `json:"initialDelaySeconds"`
}

// helmValues has the keys of the chart's values.yaml that we use; a chart is no module.
type helmValues struct {
	Mode             string `json:"mode"`
	FullnameOverride string `json:"fullnameOverride"`
	ReplicaCount     int    `json:"replicaCount"`
	Image            struct {
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
	} `json:"image"`
	Command struct {
		Name string `json:"name"`
	} `json:"command"`
	AlternateConfig   map[string]any       `json:"alternateConfig"`
	ExtraEnvs         []corev1.EnvVar      `json:"extraEnvs"`
	ExtraVolumes      []corev1.Volume      `json:"extraVolumes"`
	ExtraVolumeMounts []corev1.VolumeMount `json:"extraVolumeMounts"`
	Statefulset       struct {
		VolumeClaimTemplates []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
	} `json:"statefulset"`
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext"`
	SecurityContext    *corev1.SecurityContext    `json:"securityContext"`
	ServiceAccount     struct {
		Create                       bool  `json:"create"`
		AutomountServiceAccountToken *bool `json:"automountServiceAccountToken"`
	} `json:"serviceAccount"`
	Resources                     corev1.ResourceRequirements `json:"resources"`
	TerminationGracePeriodSeconds int                         `json:"terminationGracePeriodSeconds"`
	Ports                         map[string]struct {
		Enabled       bool            `json:"enabled"`
		ContainerPort int             `json:"containerPort"`
		ServicePort   int             `json:"servicePort"`
		Protocol      corev1.Protocol `json:"protocol"`
		AppProtocol   string          `json:"appProtocol"`
	} `json:"ports"`
	LivenessProbe       *corev1.Probe `json:"livenessProbe"`
	ReadinessProbe      *corev1.Probe `json:"readinessProbe"`
	PodDisruptionBudget struct {
		Enabled      bool                `json:"enabled"`
		MinAvailable *intstr.IntOrString `json:"minAvailable"`
	} `json:"podDisruptionBudget"`
	ServiceMonitor struct {
		Enabled          bool                    `json:"enabled"`
		MetricsEndpoints []monitoringv1.Endpoint `json:"metricsEndpoints"`
	} `json:"serviceMonitor"`
	NetworkPolicy struct {
		Enabled          bool                                    `json:"enabled"`
		AllowIngressFrom []networkingv1.NetworkPolicyPeer        `json:"allowIngressFrom"`
		EgressRules      []networkingv1.NetworkPolicyEgressRule  `json:"egressRules"`
		ExtraIngress     []networkingv1.NetworkPolicyIngressRule `json:"extraIngressRules"`
	} `json:"networkPolicy"`
	PrometheusRule struct {
		Enabled bool `json:"enabled"`
	} `json:"prometheusRule"`
}

// TestTheChartAndTheOperatorRunTheSame: one configuration, one pod, by two roads.
func TestTheChartAndTheOperatorRunTheSame(t *testing.T) {
	var values helmValues
	strictly(t, read(t, manifests+"/helm-values.yaml"), &values)
	var collector openTelemetryCollector
	for _, document := range bytes.Split(read(t, manifests+"/operator.yaml"), []byte("\n---\n")) {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal(document, &meta); err != nil {
			t.Fatal(err)
		}
		if meta.Kind == "OpenTelemetryCollector" {
			strictly(t, document, &collector)
		} else {
			strictly(t, document, typeOf(t, meta.Kind))
		}
	}
	spec := collector.Spec
	for what, pair := range map[string][2]any{
		"config": {values.AlternateConfig, spec.Config}, "env": {values.ExtraEnvs, spec.Env}, "volumes": {values.ExtraVolumes, spec.Volumes},
		"mounts": {values.ExtraVolumeMounts, spec.VolumeMounts}, "claims": {values.Statefulset.VolumeClaimTemplates, spec.VolumeClaimTemplates},
		"pod": {values.PodSecurityContext, spec.PodSecurityContext}, "container": {values.SecurityContext, spec.SecurityContext},
		"mode": {values.Mode, spec.Mode}, "resources": {values.Resources, spec.Resources}, "image": {values.Image.Repository + ":" + values.Image.Tag, spec.Image},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: the chart has %v, the operator %v", what, pair[0], pair[1])
		}
	}
	lockedDown(t, "collector", spec.SecurityContext)
	// A StatefulSet is what both make of it; its fields are the published ones.
	set := appsv1.StatefulSetSpec{Replicas: spec.Replicas, VolumeClaimTemplates: spec.VolumeClaimTemplates, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: spec.Volumes}}}
	mounted := map[string]bool{}
	for _, m := range spec.VolumeMounts {
		mounted[m.Name] = true
	}
	for _, name := range []string{set.VolumeClaimTemplates[0].Name, set.Template.Spec.Volumes[0].Name} {
		if !mounted[name] {
			t.Errorf("volume %s is mounted nowhere", name)
		}
	}
	// Every file that the configuration reads, and the queue, lies on a volume.
	text, err := json.Marshal(spec.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/var/lib/otelcol-usage", "/etc/otelcol-usage-secrets/writer-password", "/etc/otelcol-usage-secrets/reader-password", "/etc/otelcol-usage-secrets/api-htpasswd"} {
		if !bytes.Contains(text, []byte(`"`+path+`"`)) {
			t.Errorf("the configuration does not read %s", path)
		}
	}
}
