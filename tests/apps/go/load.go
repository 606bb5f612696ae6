// SPDX-License-Identifier: BSD-2-Clause

// Goroutines that allocate, talk through channels, sleep, share a lock and a map; the collector beside them.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func trees() (sum int64) {
	var wg sync.WaitGroup
	for i := 0; i < 16; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			kept := grow(10)
			for k := 0; k < 30; k++ {
				atomic.AddInt64(&sum, int64(grow(8).count()))
			}
			atomic.AddInt64(&sum, int64(kept.count()))
		}()
	}
	wg.Wait()
	return
}

// Numbers pass through a chain of goroutines, one for each prime.
func sieve(n int) (last int) {
	source := make(chan int)
	go func(first chan<- int) {
		for i := 2; ; i++ {
			first <- i
		}
	}(source)
	for i := 0; i < n; i++ {
		last = <-source
		next := make(chan int)
		go func(in, out chan int, prime int) {
			for {
				if n := <-in; n%prime != 0 {
					out <- n
				}
			}
		}(source, next, last)
		source = next
	}
	return
}

func shared() int {
	var mu sync.RWMutex
	var wg sync.WaitGroup
	m := map[int]int{}
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < 2000; i++ {
				mu.Lock()
				m[i%100]++
				mu.Unlock()
				mu.RLock()
				_ = m[g]
				mu.RUnlock()
			}
		}(g)
	}
	wg.Wait()
	sum := 0
	for _, n := range m {
		sum += n
	}
	return sum
}

func spin(stop *int32) {
	for atomic.LoadInt32(stop) == 0 {
	}
}

func main() {
	debug.SetGCPercent(20)
	fmt.Println("trees", trees())
	fmt.Println("prime", sieve(200))
	fmt.Println("shared", shared())

	var stop int32
	for i := 0; i < 4; i++ {
		go spin(&stop) // more than there are CPUs: only a signal makes room for others
	}
	ticks := 0
	ticker := time.NewTicker(time.Millisecond)
	for range ticker.C {
		if ticks++; ticks == 20 {
			break
		}
	}
	atomic.StoreInt32(&stop, 1)
	fmt.Println("ticks", ticks)

	timeout := 0
	select {
	case <-make(chan int):
	case <-time.After(5 * time.Millisecond):
		timeout = 1
	}
	fmt.Println("timeout", timeout)

	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-caught)

	r, w, _ := os.Pipe()
	go func() { w.Write([]byte("through the poller")); w.Close() }()
	time.Sleep(time.Millisecond)
	b := make([]byte, 100)
	n, _ := r.Read(b)
	fmt.Println("pipe", string(b[:n]))

	for i := 0; i < 4; i++ {
		go func() { runtime.LockOSThread() }() // its thread ends with it
	}
	runtime.GC()
	defer func() {
		fmt.Println("recovered", recover())
		os.Exit(7)
	}()
	var nothing *tree
	nothing.count()
}
