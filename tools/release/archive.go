package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"time"
)

// writeArchive writes the archive of a target: zip for Windows, else tar.gz.
func (r *release) writeArchive(t target, files []file) error {
	folder := r.fileName(t, "/")
	if t.os == "windows" {
		content, err := zipOf(folder, files, r.time)
		return errors.Join(err, r.write(r.fileName(t, ".zip"), content))
	}
	content, err := tarOf(folder, files, r.time)
	if err != nil {
		return err
	}
	packed, err := pack(content, gzip.DefaultCompression)
	return errors.Join(err, r.write(r.fileName(t, ".tar.gz"), packed))
}

func tarOf(folder string, files []file, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if f.archived == "" {
			continue
		}
		if err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: folder + f.archived, Mode: int64(f.mode), Size: int64(len(f.content)),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatPAX,
		}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func zipOf(folder string, files []file, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		if f.archived == "" {
			continue
		}
		header := &zip.FileHeader{Name: folder + f.archived, Method: zip.Deflate, Modified: at}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
