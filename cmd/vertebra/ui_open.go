package main

import (
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// browse opens the page at an address in the user's browser, without waiting for it. The
// address has a secret, and other users of the machine can read the arguments of programs.
// The browser therefore gets a file that only the user can read, and which leads to the
// address. forget removes it.
func browse(address string) (forget func(), err error) {
	dir, err := os.MkdirTemp(readable(), "vertebra-open-") // for the user alone
	if err != nil {
		return nil, err
	}
	forget = func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, "vertebra.html")
	if err := redirect(path, address); err != nil {
		forget()
		return nil, err
	}
	c := opener(path)
	if err := c.Start(); err != nil {
		forget()
		return nil, err
	}
	go c.Wait()
	return forget, nil
}

// readable returns a folder whose files the user's browser can read, "" for the usual one.
// Browsers that are snaps see neither /tmp nor hidden folders.
func readable() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	name, err := exec.Command("xdg-settings", "get", "default-web-browser").Output()
	home, bad := os.UserHomeDir()
	snap, _, ok := strings.Cut(string(name), "_") // such as firefox_firefox.desktop
	if err != nil || bad != nil || !ok || strings.ContainsRune(snap, os.PathSeparator) {
		return ""
	}
	dir := filepath.Join(home, "snap", snap, "common")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// redirect writes a page that leads to an address, which only the user can read.
func redirect(path, address string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	to := html.EscapeString(address)
	_, err = io.WriteString(f, fmt.Sprintf(`<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>vertebra</title>
<meta http-equiv="refresh" content="0; url=%s">
<p><a href="%s">Open vertebra</a></p>
`, to, to))
	if bad := f.Close(); err == nil {
		err = bad
	}
	return err
}

// opener returns the command of the system that opens a file in the browser.
func opener(path string) *exec.Cmd {
	switch runtime.GOOS {
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", path)
	case "darwin":
		return exec.Command("open", path)
	}
	return exec.Command("xdg-open", path)
}
