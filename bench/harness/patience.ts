/**
 * Calls `over` when so many seconds have passed without `restart`. It counts its own ticks, so that a machine
 * which was suspended for a minute, as virtual ones are, does not use it up in one jump.
 */
export class Patience {
  private readonly timer: NodeJS.Timeout;
  private left: number;

  constructor(
    private readonly seconds: number,
    over: () => void,
  ) {
    this.left = seconds;
    this.timer = setInterval(() => {
      this.left -= 1;
      if (this.left > 0) return;
      this.end();
      over();
    }, 1000);
  }

  restart(): void {
    this.left = this.seconds;
  }

  end(): void {
    clearInterval(this.timer);
  }
}
