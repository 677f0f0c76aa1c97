// What must be in place before matrix-js-sdk is loaded; import this first.

// The SDK tells the console everything it does. The tests' own words go another way.
if (!process.env.HEARTH_VERBOSE) {
  for (const method of ["trace", "debug", "info", "log", "warn", "error"]) {
    console[method] = () => {};
  }
}

// The SDK wants Node 22; this is all that Node 20 lacks of it.
Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};
