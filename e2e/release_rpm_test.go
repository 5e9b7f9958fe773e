package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rpmRoot makes a small root in $R with what the scripts of the package call, then installs the
// package, verifies it, changes its configuration, upgrades it, erases it with a queue and
// without one. Each line that begins with "::" is read by the test.
const rpmRoot = `
mkdir -p $R/etc $R/dev $R/tmp $R/var/lib
for p in /bin/sh /usr/bin/getent /usr/sbin/useradd /usr/sbin/userdel /usr/bin/rmdir /usr/bin/touch /usr/bin/setpriv; do
  install -D "$(readlink -f $p)" $R$p
  for l in $(ldd $p | grep -oE '/[^ ]+'); do [ -e $R$l ] || install -D $l $R$l; done
done
echo 'root:x:0:0:root:/root:/bin/sh' > $R/etc/passwd
echo 'root:x:0:' > $R/etc/group
echo 'root:*:1::::::' > $R/etc/shadow
echo 'root:*::' > $R/etc/gshadow
echo 'passwd: files' > $R/etc/nsswitch.conf
cp /etc/login.defs $R/etc/
mknod $R/dev/null c 1 3 && chmod 666 $R/dev/null
rpm() { command rpm --root $R --nodeps "$@"; }
look() {
  echo ":: $1: $(cut -d: -f1,6,7 $R/etc/passwd | grep otelcol || echo no user)," $(cd $R && ls -1d etc/otelcol-usage/* var/lib/otelcol-usage/* 2>/dev/null)
}

rpm -i $OLD
rpm -V otelcol-usage
look installed
echo ":: $(stat -c '%A %U' $R/etc/otelcol-usage/environment) $(stat -c %A $R/var/lib/otelcol-usage) $(stat -c %u $R/var/lib/otelcol-usage | grep -xq "$(grep otelcol $R/etc/passwd | cut -d: -f3)" && echo of the user)"
echo ":: $($R/usr/bin/otelcol-usage --version | grep -o '0[.]0[.][0-9]')"
echo '# changed' >> $R/etc/otelcol-usage/config.yaml
chroot $R /usr/bin/setpriv --reuid=otelcol-usage --regid=otelcol-usage --clear-groups /usr/bin/touch /var/lib/otelcol-usage/queue
rpm -U $NEW
look upgraded
echo ":: $($R/usr/bin/otelcol-usage --version | grep -o '0[.]0[.][0-9]') $(tail -n 1 $R/etc/otelcol-usage/config.yaml)"
rpm -U --oldpackage $OLD
look downgraded
rpm -e otelcol-usage
look 'erased with a queue'
rpm -i $NEW
rm $R/var/lib/otelcol-usage/queue
rpm -e otelcol-usage
look erased
`

// TestReleaseRPM installs the rpm in a root of its own, as rpm does it.
func TestReleaseRPM(t *testing.T) {
	dist, next := releaseFiles(t, "RELEASE_DIST"), releaseFiles(t, "RELEASE_NEXT")
	if os.Getuid() != 0 {
		t.Skip("installs a package: run it as root")
	}
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("rpm is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", rpmRoot+"\ntrue")
	cmd.Env = append(os.Environ(), "R="+t.TempDir(), "OLD="+fileOf(t, dist, "*.x86_64.rpm"), "NEW="+fileOf(t, next, "*.x86_64.rpm"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	var said []string
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, ":: "); ok {
			said = append(said, strings.TrimSpace(rest))
		}
	}
	const user = "otelcol-usage:/var/lib/otelcol-usage:/usr/sbin/nologin, "
	const config = "etc/otelcol-usage/config.yaml etc/otelcol-usage/environment"
	assert.Equal(t, []string{
		"installed: " + user + config,
		"-rw------- root drwx------ of the user",
		"0.0.1",
		"upgraded: " + user + config + " var/lib/otelcol-usage/queue",
		"0.0.2 # changed",
		"downgraded: " + user + config + " var/lib/otelcol-usage/queue",
		"erased with a queue: " + user + "etc/otelcol-usage/config.yaml.rpmsave var/lib/otelcol-usage/queue",
		"erased: no user, etc/otelcol-usage/config.yaml.rpmsave",
	}, said, string(out))
}
