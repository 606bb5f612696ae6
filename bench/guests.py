# SPDX-License-Identifier: BSD-2-Clause
"""How each kernel is started: the empty kernel, the Linux baseline, Proa. Same QEMU, same processor, same image."""
import json
import os
import time

QEMU = ['qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max,-erms', '-nodefaults', '-display', 'none', '-no-reboot']
MICROVM = 'microvm,x-option-roms=off,acpi=off,isa-serial=on'
BARE = f'{MICROVM},pit=off,pic=off,rtc=off'
MAC = '52:54:00:00:00:02'
EXIT = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1']


def in_turn(argv):
    """The same with one host thread for all virtual CPUs."""
    return [a if a != 'tcg' else 'tcg,thread=single' for a in argv]


def _disk(image):
    return ['-drive', f'id=root,file={image},format=raw,if=none,readonly=on', '-device', 'virtio-blk-device,drive=root']


class Net:
    """A card on a tap of the namespace QEMU is started in, and the guest's static address. ports: not on the tap itself
    but on a socket, frames going between these two UDP ports (ours, theirs)."""

    def __init__(self, tap='tap0', ip='10.78.0.2', gateway='10.78.0.1', queues=1, ports=None):
        self.tap, self.ip, self.gateway, self.queues, self.ports = tap, ip, gateway, queues, ports

    def devices(self):
        many = self.queues > 1
        netdev = f'tap,id=n0,ifname={self.tap},script=no,downscript=no' + (f',queues={self.queues}' if many else '')
        if self.ports:
            ours, theirs = ({'type': 'inet', 'host': '127.0.0.1', 'port': str(port)} for port in self.ports)
            netdev = json.dumps({'type': 'dgram', 'id': 'n0', 'local': ours, 'remote': theirs})
        return ['-global', 'virtio-mmio.force-legacy=false', '-netdev', netdev,
                '-device', f'virtio-net-device,netdev=n0,mac={MAC}' + (',mq=on' if many else '')]

    def line(self):
        return f'ip={self.ip}::{self.gateway}:255.255.255.0::eth0:off'


class Empty:
    """One byte to the serial port and off: what QEMU and its firmware cost."""
    name = 'empty'

    def __init__(self, kernel):
        self.kernel = kernel

    def argv(self):
        return QEMU + EXIT + ['-M', f'{BARE},auto-kernel-cmdline=on', '-m', '64', '-kernel', self.kernel,
                              '-serial', 'stdio']


class Linux:
    """The program is init; its output goes to the serial console; when it exits, the panic resets the machine.
    The kernel needs the PIT to calibrate its timer, and is told the TSC's frequency and where its disk is.
    There are two builds: `kernel` knows one CPU, `smp` any number."""
    name = 'linux'

    def __init__(self, kernel, smp=None):
        self.kernel = kernel
        self.smp = smp
        self.tsc_khz = _host_tsc_khz()

    def argv(self, image, args, mem_mb=64, cpus=None, env=None, stream=None, net=None):
        """cpus: None for the build without SMP. env: not None for programs that need /proc, /tmp and an environment."""
        if env is not None:
            args = ['/start'] + [f'{k}={v}' for k, v in env.items()] + list(args)
        line = ('console=ttyS0 loglevel=0 reboot=t panic=-1 '
                f'tsc_early_khz={self.tsc_khz} tsc=reliable no_timer_check {"" if cpus else "nolapic_timer "}'
                'virtio_mmio.device=512@0xfeb00e00:12 root=/dev/vda rootfstype=erofs ro '
                f'{"virtio_mmio.device=512@0xfeb00c00:11 " + net.line() + " " if net else ""}init={args[0]}')
        if len(args) > 1:
            line += ' -- ' + ' '.join(f'"{a}"' if ' ' in a else a for a in args[1:])
        return QEMU + ['-M', f'{MICROVM},pit=on,pic=on,rtc=on,auto-kernel-cmdline=off', '-m', str(mem_mb),
                       '-smp', str(cpus or 1), '-kernel', self.smp if cpus else self.kernel, '-append', line,
                       '-serial', 'stdio'] + _disk(image) + (net.devices() if net else [])


class Proa:
    """As `proa run` starts it: four virtio console ports, configuration as the initial ramdisk."""
    name = 'proa'
    PORTS = ('stdin', 'stdout', 'stderr', 'control')

    def __init__(self, kernel, scratch):
        self.kernel = kernel
        self.scratch = scratch

    def _config(self, args, env):
        variables = {'HOME': '/', 'TERM': 'linux'}  # what Linux gives to init
        if env is not None:
            variables |= {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', **env}
        path = os.path.join(self.scratch, 'config-' + '-'.join(args).replace('/', '_')[:80] + '.json')
        config = {
            'ociVersion': '1.0.2',
            'process': {'args': list(args), 'env': [f'{k}={v}' for k, v in variables.items()], 'cwd': '/',
                        'terminal': False, 'user': {'uid': 0, 'gid': 0}},
            'root': {'path': '.', 'readonly': False},
        }
        with open(path, 'w') as f:
            json.dump(config, f)
        return path

    def argv(self, image, args, mem_mb=64, cpus=None, env=None, stream='stdout', net=None):
        """stream: which of the program's outputs is ours."""
        argv = QEMU + EXIT + ['-M', f'{BARE},auto-kernel-cmdline=on', '-m', str(mem_mb), '-smp', str(cpus or 1),
                              '-kernel', self.kernel, '-initrd', self._config(args, env),
                              '-append', f'console=ttyS0 loglevel=4 epoch_ns={time.time_ns()}' + (' ' + net.line() if net else ''), '-serial', 'null']
        argv += _disk(image) + ['-device', 'virtio-serial-device']
        for port in self.PORTS:
            chardev = ('stdio,signal=off' if port == stream else 'file,path=/dev/null') + f',id={port}'
            argv += ['-chardev', chardev, '-device', f'virtserialport,chardev={port},name=org.proa.{port}']
        return argv + (net.devices() if net else [])


def _host_tsc_khz():
    """TCG shows the guest the host's TSC. Linux derives bogomips from its frequency: bogomips = 2 * MHz."""
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('bogomips'):
                return int(float(line.split(':')[1]) * 500)
    raise SystemExit('bench: no bogomips in /proc/cpuinfo: cannot tell Linux the frequency of the TSC')
