package ort

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// The functions used, by their place in struct OrtApi of
// onnxruntime_c_api.h. Places never change: ONNX Runtime only appends, and all
// of these are in version 1 of the table, which ends with place 101.
const (
	fnGetErrorCode                   = 1
	fnGetErrorMessage                = 2
	fnCreateEnv                      = 3
	fnDisableTelemetryEvents         = 6
	fnCreateSession                  = 7
	fnCreateSessionFromArray         = 8
	fnRun                            = 9
	fnCreateSessionOptions           = 10
	fnSetSessionLogSeverityLevel     = 22
	fnSetSessionGraphOptimization    = 23
	fnSetIntraOpNumThreads           = 24
	fnSetInterOpNumThreads           = 25
	fnSessionGetInputCount           = 30
	fnSessionGetOutputCount          = 31
	fnSessionGetOutputTypeInfo       = 34
	fnSessionGetInputName            = 36
	fnSessionGetOutputName           = 37
	fnCreateRunOptions               = 39
	fnRunOptionsSetTerminate         = 46
	fnCreateTensorAsOrtValue         = 48
	fnCreateTensorWithDataAsOrtValue = 49
	fnGetTensorMutableData           = 51
	fnFillStringTensor               = 52
	fnGetStringTensorDataLength      = 53
	fnGetStringTensorContent         = 54
	fnGetOnnxTypeFromTypeInfo        = 56
	fnGetTensorElementType           = 60
	fnGetDimensionsCount             = 61
	fnGetDimensions                  = 62
	fnGetTensorTypeAndShape          = 65
	fnGetValueType                   = 67
	fnCreateCPUMemoryInfo            = 69
	fnAllocatorFree                  = 76
	fnGetAllocatorWithDefaultOptions = 78
	fnReleaseStatus                  = 93
	fnReleaseSession                 = 95
	fnReleaseValue                   = 96
	fnReleaseRunOptions              = 97
	fnReleaseTypeInfo                = 98
	fnReleaseTensorTypeAndShapeInfo  = 99
	fnReleaseSessionOptions          = 100

	tableLength = 102
)

// Numbers of the C enumerations that are passed or read.
const (
	logFatal        = 4 // OrtLoggingLevel
	onnxTypeTensor  = 1 // ONNXType
	arenaAllocator  = 1 // OrtAllocatorType
	memTypeDefault  = 0 // OrtMemType
	tableVersion    = 1
	maxTensorRank   = 64
	maxNameLength   = 1 << 20
	maxErrorMessage = 1 << 20
)

// An Error is a failure that ONNX Runtime reported, in its own words. Error
// prints them on one line.
type Error struct {
	Code    int // OrtErrorCode
	Message string
}

func (e *Error) Error() string {
	return "onnxruntime: " + strings.Join(strings.Fields(e.Message), " ")
}

// errClosed is what the methods of a closed Session return.
var errClosed = errors.New("ort: the session is closed")

// call calls the table's function fn and turns its status into an error. The
// arguments follow the rules of [purego.SyscallN]: a pointer is converted to
// uintptr in the call itself.
//
//go:uintptrescapes
func (l *Library) call(fn int, args ...uintptr) error {
	status := callC(l.table[fn], args...)
	if status == 0 {
		return nil
	}
	defer l.release(fnReleaseStatus, status)
	code := callC(l.table[fnGetErrorCode], status)
	text := callC(l.table[fnGetErrorMessage], status)
	return &Error{Code: int(int32(code)), Message: goString(text, maxErrorMessage)}
}

// release calls one of the table's Release functions; they return nothing and
// accept a null pointer.
func (l *Library) release(fn int, object uintptr) {
	if object != 0 {
		callC(l.table[fn], object)
	}
}

// create calls a function whose last parameter receives a new object.
//
//go:uintptrescapes
func (l *Library) create(fn int, args ...uintptr) (uintptr, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	out := new(uintptr)
	pin.Pin(out) // on the heap, where a growing stack does not move it
	if err := l.call(fn, append(args, uintptr(unsafe.Pointer(out)))...); err != nil {
		return 0, err
	}
	return *out, nil
}

// pointer gives a C address as a pointer to read through.
func pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// goString copies a null-terminated C string of at most limit bytes.
func goString(address uintptr, limit int) string {
	if address == 0 {
		return ""
	}
	n := 0
	for n < limit && *(*byte)(unsafe.Add(pointer(address), n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(pointer(address)), n))
}

// cString returns s as null-terminated bytes. A null byte inside would end the
// string early for ONNX Runtime, so it is refused.
func cString(s string) ([]byte, error) {
	for i := range len(s) {
		if s[i] == 0 {
			return nil, fmt.Errorf("ort: the name %q contains a null byte", s)
		}
	}
	return append([]byte(s), 0), nil
}
