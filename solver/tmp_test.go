package solver
import ("testing";"os";"unsafe";"time";"fmt")
func load(k string,n int) Matrix[float32]{
  raw,err:=os.ReadFile(fmt.Sprintf("/tmp/w/lap_%s_%d.f32",k,n))
  if err!=nil {panic(err)}
  d:=unsafe.Slice((*float32)(unsafe.Pointer(&raw[0])),n*n)
  return Matrix[float32]{n,n,n,d}
}
func TestTmp(t *testing.T){
 for _,k:=range []string{"heavy","uniform","gram","planted"} { for _,n:=range []int{1024,2048} {
  m:=load(k,n)
  best:=time.Hour; var a *Assignment; var err error
  var parts [4]time.Duration
  for range 6 { t0:=time.Now(); a,err=Assign(m,AssignOptions{}); if d:=time.Since(t0);d<best {best=d}
   t0=time.Now(); s:=newSearch(m); s.begin(nil); t2:=time.Now(); s.bid(0,64*n); t3:=time.Now(); s.solve(); t4:=time.Now()
   parts=[4]time.Duration{t2.Sub(t0),t3.Sub(t2),t4.Sub(t3)}
  }
  if err!=nil {t.Fatal(err)}
  bw:=time.Hour; var w *Assignment
  for range 5 { t0:=time.Now(); w,_=Assign(m,AssignOptions{Warm:a}); if d:=time.Since(t0);d<bw {bw=d}}
  fmt.Printf("%s %d: %v (%v) value %.6f gap %g warm %v %v\n",k,n,best,parts,a.Value,a.Gap,bw,w.Value==a.Value)
 }}}
