package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// module is the path of the one module that we write by hand.
const module = "github.com/otelcol-usage/otelcol-usage"

// root is the folder of the repository, seen from this one.
const root = "../.."

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// folder is the package's folder, relative to the repository, "." for its root.
func (p goPackage) folder() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

// packages lists the packages of our module, the broken ones too: what is wrong
// with those the compiler says. Listing takes a moment, so it is done once for
// all tests.
var packages = sync.OnceValues(func() ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, errors.New("go list: " + string(exit.Stderr))
		}
		return nil, err
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		}
		list = append(list, p)
	}
})

func ourPackages(t *testing.T) []goPackage {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("go list found no package")
	}
	return list
}

// skippedFolders hold what is not ours to judge: build results and git's own.
var skippedFolders = map[string]bool{".git": true, "bin": true, ".build": true, "node_modules": true}

// textFile is a file of the repository that people read.
type textFile struct {
	// path is relative to the root, with slashes.
	path, text string
}

// maxTextBytes is the size above which a file is data and not text.
const maxTextBytes = 4 << 20

// textFiles reads every text file of the repository.
var textFiles = sync.OnceValues(func() ([]textFile, error) {
	paths, err := filePaths()
	if err != nil {
		return nil, err
	}
	var files []textFile
	for _, path := range paths {
		name := filepath.Join(root, filepath.FromSlash(path))
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed in the work tree, not yet in git
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > maxTextBytes {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if !bytes.ContainsRune(content, 0) && utf8.Valid(content) {
			files = append(files, textFile{path: path, text: string(content)})
		}
	}
	return files, nil
})

// filePaths lists the files of the repository: those that git knows or would
// add, or all of them where there is no git, as in an unpacked archive.
func filePaths() (paths []string, err error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil {
		return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skippedFolders[d.Name()] {
			return fs.SkipDir
		}
		if !d.IsDir() {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			paths = append(paths, filepath.ToSlash(relative))
		}
		return nil
	})
	return paths, err
}

func ourTextFiles(t *testing.T) []textFile {
	t.Helper()
	files, err := textFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no text file")
	}
	return files
}

// lineOf is the number of the line in which the byte at offset stands.
func lineOf(text string, offset int) int { return strings.Count(text[:offset], "\n") + 1 }
