-- SPDX-License-Identifier: BSD-2-Clause
-- GHC's threaded runtime: MVars, transactions by hand, sparks of the collector, timeouts, exceptions, bound threads.
import Control.Concurrent
import Control.Exception
import Control.Monad
import Data.IORef
import qualified Data.Map as M
import System.Exit
import System.Timeout

main :: IO ()
main = do
  sums <- forM [1 .. 8] $ \i -> do
    v <- newEmptyMVar
    _ <- forkIO $ putMVar v $! sum [1 .. i * 20000 :: Int]
    return v
  mapM takeMVar sums >>= print . sum

  chan <- newChan
  forM_ [1 .. 4 :: Int] $ \i -> forkIO $ forM_ [1 .. 500] $ writeChan chan . (* i)
  got <- replicateM 2000 (readChan chan)
  print (sum got)

  counter <- newMVar (0 :: Int)
  done <- newQSem 0
  forM_ [1 .. 4 :: Int] $ \_ -> forkOn 1 $ do
    replicateM_ 500 $ modifyMVar_ counter (return . (+ 1))
    signalQSem done
  replicateM_ 4 (waitQSem done)
  readMVar counter >>= print

  timeout 20000 (newEmptyMVar >>= \v -> takeMVar (v :: MVar ()) `catch` \e -> throwIO (e :: SomeException)) >>= print
  spinning <- newIORef (0 :: Int)
  endless <- forkIO $ forever $ modifyIORef' spinning (+ 1)
  threadDelay 20000
  killThread endless
  n <- readIORef spinning
  print (n > 0)

  bound <- newEmptyMVar
  _ <- forkOS $ isCurrentThreadBound >>= putMVar bound
  takeMVar bound >>= print . (&& rtsSupportsBoundThreads)
  let m = M.fromListWith (+) [(k `mod` 100, 1 :: Int) | k <- [1 .. 50000 :: Int]]
  print (M.size m, sum (M.elems m))
  (evaluate (1 `div` (0 :: Int)) >>= print) `catch` \e -> print (e :: ArithException)
  getNumCapabilities >>= print
  exitWith (ExitFailure 4)
