package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

const ours = "github.com/otelcol-usage/otelcol-usage"

// part is a module that programs are linked from.
type part struct{ path, version, licence string }

func (p part) purl() string { return "pkg:golang/" + p.path + "@" + p.version }

// parts are the modules in the programs of a target, as the compiler wrote them there (two
// programs may have two versions of one), with the licences that THIRD_PARTY_NOTICES found.
func (r *release) parts(built programs) ([]part, error) {
	notices, err := os.ReadFile(filepath.Join(r.root, "THIRD_PARTY_NOTICES"))
	if err != nil {
		return nil, err
	}
	licences := readLicences(string(notices))
	found := map[string]part{}
	for _, file := range built.files {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found["stdlib"] = part{"stdlib", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause"}
		for _, m := range info.Deps {
			if m.Path == ours {
				continue // by its directory, and of no version
			}
			if m.Replace != nil {
				m = m.Replace
			}
			found[m.Path+"@"+m.Version] = part{m.Path, m.Version, licences[m.Path]}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b part) int { return cmp.Compare(a.purl(), b.purl()) }), nil
}

var noticeLine = regexp.MustCompile(`(?m)^(\S+) v\S+ (\S+)$`)

// readLicences gives the licence of each module, as an SPDX expression.
func readLicences(notices string) map[string]string {
	licences := map[string]string{}
	for _, m := range noticeLine.FindAllStringSubmatch(notices, -1) {
		if _, known := licences[m[1]]; !known {
			licences[m[1]] = strings.ReplaceAll(m[2], "+", " AND ")
		}
	}
	return licences
}

// writeBills writes the bills of materials of a target: SPDX and CycloneDX, both as JSON.
func (r *release) writeBills(built programs) error {
	parts, err := r.parts(built)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.licence == "" {
			return fmt.Errorf("%s %s is linked and not in THIRD_PARTY_NOTICES: run make notices", p.path, p.version)
		}
	}
	return errors.Join(r.writeSPDX(built.target, parts), r.writeCycloneDX(built.target, parts))
}

func (r *release) writeSPDX(t target, parts []part) error {
	name := r.fileName(t, "")
	of := func(id common.ElementID, p part, location string) *spdx.Package {
		return &spdx.Package{
			PackageName: p.path, PackageSPDXIdentifier: id, PackageVersion: p.version, PackageDownloadLocation: location,
			PackageLicenseConcluded: p.licence, PackageLicenseDeclared: p.licence, PackageCopyrightText: "NOASSERTION",
			PackageExternalReferences: []*spdx.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: "purl", Locator: p.purl()}},
		}
	}
	document := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: name,
		DocumentNamespace: "https://" + ours + "/releases/download/v" + r.version + "/" + name + "-" + r.commit + ".spdx.json",
		CreationInfo: &spdx.CreationInfo{
			Created:  r.time.Format("2006-01-02T15:04:05Z"),
			Creators: []common.Creator{{CreatorType: "Organization", Creator: "otelcol-usage"}, {CreatorType: "Tool", Creator: "otelcol-usage tools/release"}},
		},
		Packages:      []*spdx.Package{of("otelcol-usage", part{ours, "v" + r.version, "Apache-2.0"}, "git+https://"+ours+"@"+strings.TrimSuffix(r.commit, "-dirty"))},
		Relationships: []*spdx.Relationship{{RefA: common.MakeDocElementID("", "DOCUMENT"), RefB: common.MakeDocElementID("", "otelcol-usage"), Relationship: common.TypeRelationshipDescribe}},
	}
	for i, p := range parts {
		id := common.ElementID(fmt.Sprintf("module-%d", i+1))
		location := "https://proxy.golang.org/" + escaped(p.path) + "/@v/" + escaped(p.version) + ".zip"
		if p.path == "stdlib" {
			location = "https://go.dev/dl/go" + p.version + ".src.tar.gz"
		}
		document.Packages = append(document.Packages, of(id, p, location))
		document.Relationships = append(document.Relationships, &spdx.Relationship{
			RefA: common.MakeDocElementID("", "otelcol-usage"), RefB: common.MakeDocElementID("", string(id)), Relationship: common.TypeRelationshipDependsOn,
		})
	}
	var b bytes.Buffer
	if err := spdxjson.Write(document, &b, spdxjson.Indent(" ")); err != nil {
		return err
	}
	return r.write(name+".spdx.json", b.Bytes())
}

var capital = regexp.MustCompile(`[A-Z]`)

// escaped is a path or version as a proxy of Go modules has it: capitals after a "!".
func escaped(text string) string {
	return capital.ReplaceAllStringFunc(text, func(s string) string { return "!" + strings.ToLower(s) })
}

func (r *release) writeCycloneDX(t target, parts []part) error {
	name := r.fileName(t, "")
	of := func(kind cyclonedx.ComponentType, p part) cyclonedx.Component {
		return cyclonedx.Component{
			BOMRef: p.purl(), Type: kind, Name: p.path, Version: p.version, PackageURL: p.purl(),
			Licenses: &cyclonedx.Licenses{{Expression: p.licence}},
		}
	}
	self := of(cyclonedx.ComponentTypeApplication, part{ours, "v" + r.version, "Apache-2.0"})
	sum := sha256.Sum256([]byte(name + r.commit))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8
	id := hex.EncodeToString(sum[:16])
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.time.Format("2006-01-02T15:04:05Z"), Component: &self}
	var components []cyclonedx.Component
	var needs []string
	for _, p := range parts {
		components = append(components, of(cyclonedx.ComponentTypeLibrary, p))
		needs = append(needs, p.purl())
	}
	bom.Components, bom.Dependencies = &components, &[]cyclonedx.Dependency{{Ref: self.BOMRef, Dependencies: &needs}}
	var b bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return err
	}
	return r.write(name+".cdx.json", b.Bytes())
}
