! SPDX-License-Identifier: BSD-2-Clause
! Fortran: formatted and unformatted files, arrays, internal reads, random numbers, intrinsic functions.
program main
  implicit none
  integer, parameter :: n = 60
  real(8) :: a(n, n), b(n, n), c(n, n)
  integer :: i, j, ios, k
  character(len=40) :: line
  complex(8) :: z

  do j = 1, n
    do i = 1, n
      a(i, j) = sin(real(i * j, 8))
      b(i, j) = cos(real(i + j, 8))
    end do
  end do
  c = matmul(a, b)
  print '(a, f14.8)', 'trace ', sum([(c(i, i), i = 1, n)])
  z = exp((0d0, 1d0) * 1.5d0)
  print '(2f12.8)', z
  open (10, file='numbers.txt', status='replace', action='write')
  do i = 1, 5
    write (10, '(i4, es16.8)') i, sqrt(real(i, 8))
  end do
  close (10)
  open (10, file='numbers.txt', status='old', action='read')
  do
    read (10, '(a)', iostat=ios) line
    if (ios /= 0) exit
    print '(a)', trim(line)
  end do
  close (10, status='delete')
  open (11, file='raw.bin', form='unformatted', access='stream', status='replace')
  write (11) a(1:3, 1)
  inquire (11, size=k)
  print *, 'bytes', k
  close (11, status='delete')
  open (12, file='none', status='old', iostat=ios)
  print *, 'missing file:', ios /= 0
  read (*, *, iostat=ios) k
  print *, 'end of input:', ios < 0
  stop 4
end program main
