// Package kubernetes holds the manifests of examples/kubernetes to the types that
// Kubernetes, the Prometheus operator and kustomize publish. It has tests alone, in a
// module of its own: who imports ours does not get Kubernetes.
package kubernetes
