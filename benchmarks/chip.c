/* Runs on QEMU's board mps2-an386, a Cortex-M4F: reads records of the file "events" and prints how
 * many instructions feed took. With -icount shift=0 an instruction takes 1 ns, so that the board's
 * timer, at 25 MHz, counts every 40th. */
#include "watch.h"

#define INSTRUCTIONS_PER_TICK 40u
#define CHECK_TURNS 1000000u /* of a loop of two instructions */
#define RECORDS 4096

enum { OPEN = 1, WRITE0 = 4, READ = 6, EXIT = 24 }; /* semihosting: what the host does for it */

static volatile uint32_t *const TIMER = (uint32_t *)0x40000000; /* CMSDK: control, value, reload */
static volatile uint32_t *const FLOATS = (uint32_t *)0xE000ED88; /* CPACR: lets it use its FPU */
static struct record records[RECORDS];
static uint64_t instructions;
static uint32_t told;

int main(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    (void *)0x20400000, /* the stack's end */
    main,
};

void tell(int64_t step, int32_t class, float voltage) {
  (void)step, (void)class, (void)voltage;
  told++;
}

static int host(int operation, const void *arguments) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void print(uint64_t number) {
  char text[24];
  char *first = text + sizeof text - 1;
  *first = 0;
  *--first = '\n';
  do {
    *--first = (char)('0' + number % 10);
    number /= 10;
  } while (number);
  host(WRITE0, first);
}

static void count_from(uint32_t begin) { /* the timer counts down */
  instructions += (uint64_t)INSTRUCTIONS_PER_TICK * (begin - TIMER[1]);
}

static void check(void) {
  uint32_t turns = CHECK_TURNS, from = TIMER[1];
  __asm__ volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(turns) : : "cc");
  count_from(from);
  print(instructions);
  instructions = 0;
}

int main(void) {
  const uintptr_t open[] = {(uintptr_t) "events", 1, 6};
  uintptr_t read[] = {0, (uintptr_t)records, sizeof records};
  *FLOATS |= 0xFu << 20;
  TIMER[2] = TIMER[1] = 0xFFFFFFFF;
  TIMER[0] = 1;
  check();
  begin();
  read[0] = host(OPEN, open);
  for (;;) {
    long bytes = sizeof records - host(READ, read); /* which returns how many are missing */
    uint32_t from = TIMER[1];
    if (bytes <= 0)
      break;
    feed(records, bytes / sizeof *records);
    count_from(from);
  }
  print(instructions);
  print(told);
  host(EXIT, (void *)0x20026); /* ADP_Stopped_ApplicationExit */
}
