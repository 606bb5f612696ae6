// SPDX-License-Identifier: BSD-2-Clause
// Workers share memory and pass messages; timers and the thread pool's file calls beside them.
'use strict';
const { Worker, isMainThread, parentPort, workerData, MessageChannel } = require('worker_threads');
const fs = require('fs'), os = require('os'), path = require('path'), zlib = require('zlib'), crypto = require('crypto');
const { setTimeout: sleep } = require('timers/promises');

function work() {
    const cells = new Int32Array(workerData.shared);
    for (let i = 0; i < 20000; i++)
        Atomics.add(cells, 0, 1);
    parentPort.on('message', m => {
        if (m === 'wait') {
            parentPort.postMessage('waiting');
            Atomics.wait(cells, 1, 0);
            parentPort.postMessage({ woken: Atomics.load(cells, 1) });
        } else {
            m.port.postMessage(m.text.toUpperCase());
            process.exit(workerData.id);
        }
    });
    parentPort.postMessage('counted');
}

const next = (from, event = 'message') => new Promise(done => from.once(event, done));

async function threads() {
    const shared = new SharedArrayBuffer(8), cells = new Int32Array(shared);
    const all = [0, 1, 2].map(id => new Worker(__filename, { workerData: { id, shared } }));
    await Promise.all(all.map(w => next(w)));
    console.log('counted', Atomics.load(cells, 0));
    for (const w of all) {
        w.postMessage('wait');
        await next(w);
    }
    Atomics.store(cells, 1, 5);
    Atomics.notify(cells, 1);
    console.log('woken', (await Promise.all(all.map(w => next(w)))).map(m => m.woken).join());
    for (const w of all) {
        const { port1, port2 } = new MessageChannel();
        const exit = next(w, 'exit');
        w.postMessage({ text: 'through a port', port: port2 }, [port2]);
        console.log(await next(port1), 'exit', await exit);
        port1.close();
    }
    const bad = new Worker('throw new RangeError("on purpose")', { eval: true });
    console.log('error', (await next(bad, 'error')).message);
    const endless = new Worker('for (;;);', { eval: true });
    await next(endless, 'online');
    console.log('terminated', await endless.terminate());
}

async function files() {
    const dir = await fs.promises.mkdtemp(path.join(process.env.TEST_TMP || os.tmpdir(), 'node-'));
    const names = [...Array(20).keys()].map(n => path.join(dir, 'f' + n));
    await Promise.all(names.map((n, i) => fs.promises.writeFile(n, 'x'.repeat(i * 1000))));
    const sizes = await Promise.all(names.map(async n => (await fs.promises.stat(n)).size));
    console.log('sizes', sizes.reduce((a, b) => a + b), (await fs.promises.readdir(dir)).length);
    await new Promise((done, fail) => fs.createReadStream(names[19]).pipe(zlib.createGzip()).on('error', fail)
        .pipe(fs.createWriteStream(path.join(dir, 'z'))).on('finish', done));
    console.log('unpacked', zlib.gunzipSync(fs.readFileSync(path.join(dir, 'z'))).length);
    await fs.promises.rename(names[0], names[1]);
    await fs.promises.rm(dir, { recursive: true });
    console.log('gone', !fs.existsSync(dir), await fs.promises.readFile(dir).catch(e => e.code));
}

async function timers() {
    const order = [];
    setTimeout(() => order.push('timeout 20'), 20);
    setTimeout(() => order.push('timeout 1'), 1);
    setImmediate(() => order.push('immediate'));
    process.nextTick(() => order.push('tick'));
    Promise.resolve().then(() => order.push('promise'));
    let n = 0;
    await new Promise(done => { const i = setInterval(() => { if (++n === 5) { clearInterval(i); done(); } }, 2); });
    const start = process.hrtime.bigint();
    await sleep(30);
    console.log('slept', process.hrtime.bigint() - start >= 29000000n);
    await sleep(1);
    console.log(order.filter(o => !/immediate|timeout 1$/.test(o)).join(), order.length, n);
}

async function pool() {
    const key = p => new Promise((done, fail) => crypto.pbkdf2(p, 'salt', 500, 16, 'sha256',
        (e, k) => e ? fail(e) : done(k.toString('hex'))));
    console.log((await Promise.all(['a', 'b', 'c', 'd', 'e'].map(key))).join('\n'));
}

if (isMainThread) {
    (async () => {
        await threads();
        await files();
        await timers();
        await pool();
        process.on('exit', c => console.log('exit', c));
        process.exitCode = 3;
    })();
} else {
    work();
}
