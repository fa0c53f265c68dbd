# Reads `objdump -d -C --no-show-raw-insn` (x86 in AT&T syntax, AArch64, ARMv7) and finds the innermost loops that
# multiply and add: from the target of a conditional backward jump to the jump, without another such loop inside. (What
# jumps back without a condition is mostly code that was laid out behind its loop, and so is what has the function's
# return in between.) Registers have to suffice there: a vector that is kept on the stack is read, or written and read, in
# each pass. One line per function; exit code 1 if there are such.
#   -v skip=REGEX  functions that are not looked at        -v least=N  fewer loops than this are a failure too

# A function's lines are kept in address[] and text[], 1 ... lines.
function is_stack(operands) {
  if (operands ~ /\(%rsp/ || operands ~ /\[sp/) return 1
  return frame_pointer && operands ~ frame_pointer
}

function is_multiply_add(code) {
  return code ~ /^(vfn?m(add|sub)[0-9]+[ps][sd]|vpdp[a-z]+|vpmadd[a-z]+|fml[as] |vfm[as]\.f32 |(s|us|su)dot |smull2? +v|vmull\.s8 )/
}

function is_vector(code) {
  return code ~ /^(v|(ld|st)u?[rp] +q)/
}

function is_conditional_jump(code) {
  return code ~ /^(j[a-ln-z][a-z]*|b\.?(eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\.[nw])?|[ct]bn?z) /
}

function look_at_loop(first, last,    i, adds, moves) {
  for (i = first; i <= last; ++i) {
    if (text[i] ~ /^(ret|bx +lr|(pop|ldmia).*pc})/) return
  }
  for (i = first; i <= last; ++i) {
    if (is_multiply_add(text[i])) ++adds
    if (is_vector(text[i]) && is_stack(text[i])) {
      ++moves
      example = address[i] ": " text[i]
    }
  }
  if (!adds) return
  ++loops
  all_adds += adds
  spills += moves
}

function end_function(    i, j, inner) {
  if (lines == 0 || (skip != "" && name ~ skip)) return
  loops = all_adds = spills = 0
  for (i = 1; i <= backward; ++i) {
    inner = 1
    for (j = 1; j <= backward; ++j) {
      if (j != i && from[j] >= from[i] && to[j] <= to[i] && !(from[j] == from[i] && to[j] == to[i])) inner = 0
    }
    if (inner) look_at_loop(from[i], to[i])
  }
  if (loops) printf "%3d loops, %4d multiply-adds, %3d moves on the stack  %s\n", loops, all_adds, spills, name
  if (spills) printf "    for example %s\n", example
  total_loops += loops
  total_spills += spills
}

/^[0-9a-f]+ <.*>:$/ {
  end_function()
  name = $0
  sub(/^[0-9a-f]+ </, "", name)
  sub(/>:$/, "", name)
  gsub(/\(anonymous namespace\)::|posy::/, "", name)
  sub(/\(.*/, "", name)
  lines = backward = 0
  frame_pointer = ""
  split("", line_of)
  next
}

/^ *[0-9a-f]+:\t/ {
  split($0, part, "\t")
  ++lines
  address[lines] = part[1]
  gsub(/[ :]/, "", address[lines])
  text[lines] = part[2] " " part[3]
  sub(/^{vex} +/, "", text[lines])  # an encoding, which binutils names
  line_of[address[lines]] = lines
  if (text[lines] ~ /^mov +%rsp,%rbp/) frame_pointer = "\\(%rbp"
  if (text[lines] ~ /^mov +x29, sp/) frame_pointer = "\\[x29"
  if (is_conditional_jump(text[lines]) && match(text[lines], / [0-9a-f]+ </)) {
    target = substr(text[lines], RSTART + 1, RLENGTH - 3)
    if (target in line_of) {
      from[++backward] = line_of[target]
      to[backward] = lines
    }
  }
}

END {
  end_function()
  printf "%d loops that multiply and add, %d moves of vectors on the stack\n", total_loops, total_spills
  if (total_loops < least) printf "expected at least %d loops: is this the right object?\n", least
  exit total_spills > 0 || total_loops < least
}
