//! What programs expect of a file system.

use gearshift_gear::Dimension;
use rust_decimal::Decimal;

use crate::place::place;

#[test]
fn clients_see_each_others_writes_at_once() {
    let Some(place) = place(2) else { return };
    let mut reader = place.start(
        1,
        "
import os
fd = os.open('shared', os.O_RDWR | os.O_CREAT)
print('open'); input()
print(os.fstat(fd).st_size, os.pread(fd, 100, 0)); input()
print(os.fstat(fd).st_size, os.pread(fd, 100, 0))
",
    );
    assert_eq!(reader.line(), "open");
    place.python(0, "open('shared', 'w').write('first')");
    reader.go_on();
    assert_eq!(reader.line(), "5 b'first'");
    place.python(0, "open('shared', 'r+').write('FI'); open('shared', 'a').write(', more')");
    reader.go_on();
    assert_eq!(reader.line(), "11 b'FIrst, more'");
    drop(reader);
    place.end();
}

#[test]
fn appends_of_two_clients_all_arrive() {
    let Some(place) = place(2) else { return };
    let append = "
import os
fd = os.open('log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
input()
for _ in range(300): os.write(fd, b'0123456789')
print('done')
";
    let mut both = [place.start(0, append), place.start(1, append)];
    both.iter_mut().for_each(|one| one.go_on());
    both.iter_mut().for_each(|one| assert_eq!(one.line(), "done"));
    let read = "data = open('log').read(); print(len(data), data == '0123456789' * 600)";
    assert_eq!(place.python(0, read), "6000 True");
    drop(both);
    place.end();
}

#[test]
fn an_open_file_outlives_its_name() {
    let Some(place) = place(2) else { return };
    let mut holder = place.start(
        0,
        "
f = open('gone', 'w+'); f.write('still here'); f.flush()
print('open'); input()
f.seek(0); print(f.read()); f.write('!'); f.flush(); f.seek(0); print(f.read())
",
    );
    assert_eq!(holder.line(), "open");
    let unlink = "
import os
os.unlink('gone'); print(os.listdir('.'), os.path.exists('gone'))";
    assert_eq!(place.python(1, unlink), "[] False");
    holder.go_on();
    assert_eq!(holder.line(), "still here");
    assert_eq!(holder.line(), "still here!");
    drop(holder);
    place.end();
}

#[test]
fn a_rename_replaces_in_one_step() {
    let Some(place) = place(2) else { return };
    let script = "
import os, ctypes, errno
open('new', 'w').write('new'); open('old', 'w').write('old')
kept = open('old'); os.rename('new', 'old')
print(open('old').read(), kept.read(), os.listdir('.'))
os.makedirs('a/b'); os.mkdir('full'); open('full/x', 'w')
def refused(f, *args):
    try: f(*args)
    except OSError as e: return errno.errorcode[e.errno]
print(refused(os.rename, 'a', 'a/b/c'), refused(os.rename, 'a', 'full'),
      refused(os.rename, 'a', 'old'), refused(os.rename, 'old', 'a'), refused(os.rmdir, 'full'),
      refused(os.rmdir, 'old'), refused(os.unlink, 'a'), refused(os.mkdir, 'a'),
      refused(os.open, 'x' * 256, os.O_CREAT))
libc = ctypes.CDLL(None, use_errno=True)
open('other', 'w')
print(libc.renameat2(-100, b'other', -100, b'old', 1), errno.errorcode[ctypes.get_errno()])
os.rename('a', 'full/moved'); print(sorted(os.listdir('full')), os.stat('full').st_nlink)
";
    let seen = place.python(0, script);
    let expected = "new old ['old']\n\
                    EINVAL ENOTEMPTY ENOTDIR EISDIR ENOTEMPTY ENOTDIR EISDIR EEXIST ENAMETOOLONG\n\
                    -1 EEXIST\n['moved', 'x'] 3";
    assert_eq!(seen, expected);
    assert_eq!(place.python(1, "import os; print(os.listdir('full/moved'))"), "['b']");
    place.end();
}

#[test]
fn a_thousand_entries_are_listed_once_each() {
    let Some(place) = place(2) else { return };
    place.python(
        0,
        "
import os
os.mkdir('many')
for n in range(1000): open(f'many/{n:04}', 'w')",
    );
    let list = "
import os
names = sorted(os.listdir('many')); print(names == [f'{n:04}' for n in range(1000)])
for entry in os.scandir('many'): os.unlink(entry.path)
print(os.listdir('many')); os.rmdir('many')";
    assert_eq!(place.python(1, list), "True\n[]");
    place.end();
}

#[test]
fn attributes_links_and_sizes_are_kept() {
    let Some(place) = place(2) else { return };
    let script = "
import os, stat
fd = os.open('f', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
os.pwrite(fd, b'x', 9999); os.ftruncate(fd, 5000); os.fsync(fd); os.fdatasync(fd)
os.utime('f', (1, 2.5)); os.chmod('f', 0o600); os.chown('f', 1, 2)
os.link('f', 'hard'); os.symlink('f', 'soft'); os.mknod('node')
s = os.stat('hard')
print(oct(s.st_mode), s.st_size, s.st_blocks, s.st_nlink, s.st_uid, s.st_gid, s.st_mtime)
print(os.readlink('soft'), os.stat('soft').st_ino == s.st_ino, os.stat('node').st_size)
try: os.open('f', os.O_CREAT | os.O_EXCL)
except FileExistsError: print('exists')
print(open('f', 'rb').read() == bytes(5000)); open('f', 'w'); print(os.stat('hard').st_size)
v = os.statvfs('.'); print(v.f_bsize, v.f_namemax)
big = os.urandom(3 << 20); open('big', 'wb').write(big); print(open('big', 'rb').read() == big)
";
    let expected = "0o100600 5000 16 2 1 2 2.5\nf True 0\nexists\nTrue\n0\n1048576 255\nTrue";
    assert_eq!(place.python(0, script), expected);
    let mapped = "
import mmap
f = open('map', 'w+b'); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096)
m[:5] = b'hello'; m.flush(); print(open('map', 'rb').read(5))
import shutil, subprocess
shutil.copy('/bin/true', 'true'); print(subprocess.run(['./true']).returncode)";
    assert_eq!(place.python(1, mapped), "b'hello'\n0");
    place.end();
}

#[test]
fn sqlite_counts_right_from_two_clients() {
    let Some(place) = place(2) else { return };
    place.python(
        0,
        "
import sqlite3
db = sqlite3.connect('counter.db')
db.executescript('create table counter(n integer); insert into counter values (0)')",
    );
    let count = "
import sqlite3
db = sqlite3.connect('counter.db', timeout=60, isolation_level=None)
input()
for _ in range(200):
    db.execute('begin immediate')
    (n,) = db.execute('select n from counter').fetchone()
    db.execute('update counter set n = ?', (n + 1,))
    db.execute('commit')
print('done')
";
    let mut both = [place.start(0, count), place.start(1, count)];
    both.iter_mut().for_each(|one| one.go_on());
    both.iter_mut().for_each(|one| assert_eq!(one.line(), "done"));
    let check = "
import sqlite3
db = sqlite3.connect('counter.db')
print(db.execute('select n from counter').fetchone(), db.execute('pragma integrity_check').fetchone())";
    assert_eq!(place.python(1, check), "(400,) ('ok',)");
    drop(both);
    place.end();
}

#[test]
fn what_is_stored_is_billed_over_time() {
    let Some(place) = place(1) else { return };
    let months = |place: &crate::place::Place| place.store.usage()[0].1;
    assert_eq!(place.store.usage()[0].0, Dimension::FileGbMonth);
    place.python(0, "open('f', 'wb').write(bytes(64 << 20))");
    let (start, before) = (std::time::Instant::now(), months(&place));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (grown, passed) = (months(&place) - before, start.elapsed().as_secs_f64());
    // 64 MiB, the root directory's 6 KiB and the file's inode of 2 KiB.
    let gb = ((64 << 20) + (6 << 10) + (2 << 10)) as f64 / f64::from(1 << 30);
    let month_s = 730.0 * 3600.0;
    let slowest = Decimal::try_from(gb * passed / month_s).unwrap();
    let least = Decimal::try_from(gb * 0.3 / month_s).unwrap();
    assert!(least <= grown && grown <= slowest, "{least} ≤ {grown} ≤ {slowest}");
    place.python(0, "import os; os.unlink('f')");
    let before = months(&place);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(months(&place) - before < least / Decimal::from(100));
    place.end();
}
