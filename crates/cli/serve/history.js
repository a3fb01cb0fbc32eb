// The states of one face's points, with undo and redo. A state is never changed: a change makes a new one.

const SOON = 700; // milliseconds within which changes of one kind are one step

export class History {
  constructor(state) {
    this.states = [state];
    this.at = 0;
    this.saved = state;
    this.last = { kind: null, time: 0 };
  }

  get state() {
    return this.states[this.at];
  }

  get dirty() {
    return this.state !== this.saved;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  /** Adds a state; one of the same `kind` soon after the last takes its place, so that a drag is one step. */
  push(state, kind = null, now = Date.now()) {
    const goesOn = kind !== null && kind === this.last.kind && now - this.last.time < SOON;
    const replaces = goesOn && this.at > 0 && !this.canRedo && this.state !== this.saved;
    this.states.length = this.at + (replaces ? 0 : 1);
    this.states.push(state);
    this.at = this.states.length - 1;
    this.last = { kind, time: now };
  }

  undo() {
    this.at -= Number(this.canUndo);
    this.last.kind = null;
  }

  redo() {
    this.at += Number(this.canRedo);
    this.last.kind = null;
  }

  /** What was saved, which may be older than what is there now. */
  markSaved(state) {
    this.saved = state;
  }
}
