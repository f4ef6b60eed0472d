// A GAN in the plane, in plain JavaScript: tensors with gradients, small networks, Adam, and the losses of the course.
//
// Every tensor is a matrix of float64. Operations are written on a tape in the order in which they happen; `backward`
// walks it from its end. The losses are those of ganlab.methods, and tests/lab compares values and gradients with torch.

(function (root) {
  "use strict";

  // Tensors ---------------------------------------------------------------------------------------------------------

  let tape = [];

  class Tensor {
    constructor(rows, cols, data = new Float64Array(rows * cols)) {
      this.rows = rows;
      this.cols = cols;
      this.data = data;
      this.grad = null;
      this.back = null;
    }

    gradient() {
      return (this.grad ??= new Float64Array(this.data.length));
    }

    item() {
      return this.data[0];
    }
  }

  function tensor(rows, cols, values) {
    return new Tensor(rows, cols, Float64Array.from(values));
  }

  function made(rows, cols, back) {
    const out = new Tensor(rows, cols);
    out.back = () => back(out);
    tape.push(out);
    return out;
  }

  /** Fill `grad` of everything that `loss` depends on, then forget how it was made. */
  function backward(loss) {
    loss.gradient().fill(1);
    for (let i = tape.length - 1; i >= 0; i--) if (tape[i].grad) tape[i].back();
    tape = [];
  }

  function forget() {
    tape = [];
  }

  function matmul(a, b) {
    const [n, m, k] = [a.rows, b.cols, a.cols];
    const out = made(n, m, (o) => {
      const [g, ga, gb] = [o.grad, a.gradient(), b.gradient()];
      for (let i = 0; i < n; i++)
        for (let l = 0; l < k; l++) {
          const x = a.data[i * k + l];
          let sum = 0;
          for (let j = 0; j < m; j++) {
            const up = g[i * m + j];
            sum += up * b.data[l * m + j];
            gb[l * m + j] += up * x;
          }
          ga[i * k + l] += sum;
        }
    });
    for (let i = 0; i < n; i++)
      for (let l = 0; l < k; l++) {
        const x = a.data[i * k + l];
        if (x !== 0) for (let j = 0; j < m; j++) out.data[i * m + j] += x * b.data[l * m + j];
      }
    return out;
  }

  /** x w + b in one operation, with ReLU when `activated`: where nearly all the time goes. */
  function linear(x, w, b, activated) {
    const [n, m, k] = [x.rows, w.cols, w.rows];
    const out = made(n, m, (o) => {
      const [g, gx, gw, gb] = [o.grad, x.gradient(), w.gradient(), b.gradient()];
      const [xs, ws] = [x.data, w.data];
      for (let i = 0; i < n; i++) {
        const at = i * m;
        for (let j = 0; j < m; j++) {
          if (activated && o.data[at + j] <= 0) g[at + j] = 0;
          gb[j] += g[at + j];
        }
        for (let l = 0; l < k; l++) {
          const value = xs[i * k + l];
          const row = l * m;
          let sum = 0;
          for (let j = 0; j < m; j++) {
            const up = g[at + j];
            sum += up * ws[row + j];
            gw[row + j] += up * value;
          }
          gx[i * k + l] += sum;
        }
      }
    });
    const [xs, ws, os] = [x.data, w.data, out.data];
    for (let i = 0; i < n; i++) {
      const at = i * m;
      for (let j = 0; j < m; j++) os[at + j] = b.data[j];
      for (let l = 0; l < k; l++) {
        const value = xs[i * k + l];
        if (value === 0) continue;
        const row = l * m;
        for (let j = 0; j < m; j++) os[at + j] += value * ws[row + j];
      }
      if (activated) for (let j = 0; j < m; j++) if (os[at + j] < 0) os[at + j] = 0;
    }
    return out;
  }

  /** `f` on every entry; `slope(x, y)` is its derivative, where y = f(x). */
  function each(a, f, slope) {
    const out = made(a.rows, a.cols, (o) => {
      const g = a.gradient();
      for (let i = 0; i < g.length; i++) g[i] += o.grad[i] * slope(a.data[i], o.data[i]);
    });
    for (let i = 0; i < a.data.length; i++) out.data[i] = f(a.data[i]);
    return out;
  }

  /** `f` on pairs of entries. `b` may be one row, one column or one number: it is repeated. */
  function pairwise(a, b, f, slopes) {
    const at = (i) => {
      const row = Math.floor(i / a.cols);
      return (b.rows === 1 ? 0 : row) * b.cols + (b.cols === 1 ? 0 : i - row * a.cols);
    };
    const out = made(a.rows, a.cols, (o) => {
      const [ga, gb] = [a.gradient(), b.gradient()];
      for (let i = 0; i < ga.length; i++) {
        const [da, db] = slopes(a.data[i], b.data[at(i)]);
        ga[i] += o.grad[i] * da;
        gb[at(i)] += o.grad[i] * db;
      }
    });
    for (let i = 0; i < a.data.length; i++) out.data[i] = f(a.data[i], b.data[at(i)]);
    return out;
  }

  const add = (a, b) => pairwise(a, b, (x, y) => x + y, () => [1, 1]);
  const sub = (a, b) => pairwise(a, b, (x, y) => x - y, () => [1, -1]);
  const mul = (a, b) => pairwise(a, b, (x, y) => x * y, (x, y) => [y, x]);
  const div = (a, b) => pairwise(a, b, (x, y) => x / y, (x, y) => [1 / y, -x / (y * y)]);
  const scale = (a, k) => each(a, (x) => k * x, () => k);
  const plus = (a, k) => each(a, (x) => x + k, () => 1);
  const square = (a) => each(a, (x) => x * x, (x) => 2 * x);
  const root2 = (a) => each(a, Math.sqrt, (x, y) => (y > 0 ? 0.5 / y : 0)); // as torch's norm: no slope at 0
  const abs = (a) => each(a, Math.abs, (x) => Math.sign(x));
  const relu = (a) => each(a, (x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0));
  const exp = (a) => each(a, Math.exp, (x, y) => y);
  const log = (a) => each(a, Math.log, (x) => 1 / x);
  const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
  const softplus = (a) => each(a, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid);

  /** Sums along "rows" (one row comes out), "cols" (one column), or all (one number). */
  function sum(a, along = "all") {
    const rows = along === "cols" ? a.rows : 1;
    const cols = along === "rows" ? a.cols : 1;
    const at = (i) => (along === "all" ? 0 : along === "cols" ? Math.floor(i / a.cols) : i % a.cols);
    const out = made(rows, cols, (o) => {
      const g = a.gradient();
      for (let i = 0; i < g.length; i++) g[i] += o.grad[at(i)];
    });
    for (let i = 0; i < a.data.length; i++) out.data[at(i)] += a.data[i];
    return out;
  }

  const mean = (a, along = "all") =>
    scale(sum(a, along), along === "all" ? 1 / a.data.length : along === "rows" ? 1 / a.rows : 1 / a.cols);

  // Networks --------------------------------------------------------------------------------------------------------

  /** Mulberry32 with normal numbers by Box and Muller: the same seed gives the same run again. */
  class Random {
    constructor(seed) {
      this.state = seed >>> 0;
      this.spare = null;
    }

    uniform() {
      this.state = (this.state + 0x6d2b79f5) >>> 0;
      let t = this.state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    }

    normal() {
      if (this.spare !== null) {
        const spare = this.spare;
        this.spare = null;
        return spare;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      this.spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    }

    normals(rows, cols) {
      const out = new Tensor(rows, cols);
      for (let i = 0; i < out.data.length; i++) out.data[i] = this.normal();
      return out;
    }
  }

  /** Linear layers with ReLU between them; weights `(inputs, outputs)`, as in ganlab.nets.mlp. */
  class MLP {
    constructor(sizes, random) {
      this.sizes = sizes;
      this.weights = [];
      for (let i = 0; i + 1 < sizes.length; i++) {
        const bound = 1 / Math.sqrt(sizes[i]);
        for (const rows of [sizes[i], 1]) {
          const weight = new Tensor(rows, sizes[i + 1]);
          if (random) for (let j = 0; j < weight.data.length; j++) weight.data[j] = (2 * random.uniform() - 1) * bound;
          this.weights.push(weight);
        }
      }
    }

    forward(x) {
      return this.features(x, this.weights.length);
    }

    /** What comes out of the first `count` weights and biases; activated unless they are all. */
    features(x, count = this.weights.length - 2) {
      for (let i = 0; i < count; i += 2) {
        x = linear(x, this.weights[i], this.weights[i + 1], i + 2 < this.weights.length);
      }
      return x;
    }
  }

  class Adam {
    constructor(weights, rate, beta1 = 0.5, beta2 = 0.999) {
      Object.assign(this, { weights, rate, beta1, beta2, step: 0 });
      this.moments = weights.map((w) => [new Float64Array(w.data.length), new Float64Array(w.data.length)]);
    }

    descend(loss) {
      for (const weight of this.weights) weight.grad = null;
      backward(loss);
      this.step += 1;
      const [c1, c2] = [1 - this.beta1 ** this.step, 1 - this.beta2 ** this.step];
      this.weights.forEach((weight, k) => {
        if (!weight.grad) return;
        const [m, v] = this.moments[k];
        for (let i = 0; i < m.length; i++) {
          const g = weight.grad[i];
          m[i] = this.beta1 * m[i] + (1 - this.beta1) * g;
          v[i] = this.beta2 * v[i] + (1 - this.beta2) * g * g;
          weight.data[i] -= (this.rate * (m[i] / c1)) / (Math.sqrt(v[i] / c2) + 1e-8);
        }
      });
    }
  }

  // Losses ----------------------------------------------------------------------------------------------------------

  const discriminatorLoss = (real, fake) => add(mean(softplus(scale(real, -1))), mean(softplus(fake)));
  const generatorLoss = (fake) => mean(softplus(scale(fake, -1)));
  const minimaxLoss = (fake) => scale(mean(softplus(fake)), -1);

  /** lambda1 E||x - G(E(x))||^2 - lambda2 E log D(G(E(x))): ganlab.methods.mdgan.regulariser. */
  function regulariser(real, reconstruction, logits, lambda1, lambda2) {
    const distance = scale(mean(sum(square(sub(real, reconstruction)), "cols")), lambda1);
    return add(distance, scale(generatorLoss(logits), lambda2));
  }

  /** 1 / (r + eps) with r = mean|G(z1) - G(z2)| / mean|z1 - z2|: ganlab.methods.msgan.mode_seeking_loss. */
  function modeSeekingLoss(samples1, samples2, latents1, latents2, eps = 1e-5) {
    const ratio = div(mean(abs(sub(samples1, samples2))), mean(abs(sub(latents1, latents2))));
    return div(tensor(1, 1, [1]), plus(ratio, eps));
  }

  /** ||c_Y - c_X|| + |l_Y - l_X| of bounded features: ganlab.methods.mmgan.sphere_loss. */
  function sphereLoss(real, fake, bound = 1) {
    const spheres = [real, fake].map((features) => {
      const length = root2(plus(sum(square(features), "cols"), bound * bound));
      const inside = div(scale(features, bound), length);
      const centre = mean(inside, "rows");
      return [centre, mean(root2(sum(square(sub(inside, centre)), "cols")))];
    });
    const [[c1, l1], [c2, l2]] = spheres;
    return add(root2(sum(square(sub(c1, c2)))), abs(sub(l1, l2)));
  }

  /** 10 E(z - z_found)^2 + cross-entropy of the mode: ganlab.methods.nemgan.inversion_loss without a margin. */
  function inversionLoss(found, logits, z, modes, weight = 10) {
    const total = log(sum(exp(logits), "cols"));
    const entropy = mean(sub(total, sum(mul(logits, modes), "cols")));
    return add(scale(mean(square(sub(z, found))), weight), entropy);
  }

  // Methods: who plays, and what each player minimises ---------------------------------------------------------------
  //
  // `play(s)` makes the players of settings s = {latent, modes, random}. `discriminate` and `generate` give the losses
  // of one step from the reals and from `draw(n)`, which returns fresh latents.

  const HIDDEN = [32, 32];
  const plainPlayers = (s) => ({
    G: new MLP([s.latent, ...HIDDEN, 2], s.random),
    D: new MLP([2, ...HIDDEN, 1], s.random),
  });

  const GAN = {
    title: "Plain GAN",
    about: "No remedy: the baseline.",
    play: plainPlayers,
    learners: ["G"],
    discriminate: (p, real, draw) => discriminatorLoss(p.D.forward(real), p.D.forward(p.G.forward(draw(real.rows)))),
    generate: (p, real, draw, s) => {
      const logits = p.D.forward(p.G.forward(draw(real.rows)));
      return s.loss === "minimax" ? minimaxLoss(logits) : generatorLoss(logits);
    },
    belief: (p, points) => p.D.forward(points),
  };

  const METHODS = {
    gan: GAN,
    mdgan: {
      ...GAN,
      title: "Mode Regularized GAN",
      about: "An encoder E: G must also rebuild real points from E(x). (Regularized GAN, λ1 = λ2 = 0.05.)",
      play: (s) => ({ ...plainPlayers(s), E: new MLP([2, ...HIDDEN, s.latent], s.random) }),
      learners: ["G", "E"],
      generate: (p, real, draw, s) => {
        const rebuilt = p.G.forward(p.E.forward(real));
        return add(GAN.generate(p, real, draw, s), regulariser(real, rebuilt, p.D.forward(rebuilt), 0.05, 0.05));
      },
    },
    msgan: {
      ...GAN,
      title: "Mode Seeking GAN",
      about: "Two latents must give samples far apart. (The paper's term, here without a condition, weight 0.1.)",
      generate: (p, real, draw) => {
        const [z1, z2] = [draw(real.rows), draw(real.rows)];
        const [x1, x2] = [p.G.forward(z1), p.G.forward(z2)];
        const fool = add(generatorLoss(p.D.forward(x1)), generatorLoss(p.D.forward(x2)));
        return add(fool, scale(modeSeekingLoss(x1, x2, z1, z2), 0.1));
      },
    },
    mmgan: {
      ...GAN,
      title: "Manifold Matching GAN",
      about: "G matches centre and radius of D's features. (Spheres, bounded; no moving averages, no regulariser.)",
      discriminate: (p, real, draw) => {
        const fake = p.G.forward(draw(real.rows));
        const matched = sphereLoss(p.D.features(real), p.D.features(fake));
        return sub(discriminatorLoss(p.D.forward(real), p.D.forward(fake)), matched);
      },
      generate: (p, real, draw) => sphereLoss(p.D.features(real), p.D.features(p.G.forward(draw(real.rows)))),
    },
    nemgan: {
      ...GAN,
      title: "Noise Engineered GAN",
      about: "The latent has a box for each mode, and a network must read the box from G(z). (Fixed uniform prior.)",
      play: (s) => {
        const size = s.modes + s.latent;
        return {
          G: new MLP([size, ...HIDDEN, 2], s.random),
          D: new MLP([2, ...HIDDEN, 1], s.random),
          H: new MLP([2, ...HIDDEN, size + s.modes], s.random),
        };
      },
      latents: (random, n, s) => {
        const size = s.modes + s.latent;
        const z = new Tensor(n, size);
        for (let i = 0; i < n; i++) {
          const mode = Math.floor(random.uniform() * s.modes);
          for (let j = 0; j < size; j++) z.data[i * size + j] = (j === mode) + 0.3 * (2 * random.uniform() - 1);
        }
        return z;
      },
      learners: ["G", "H"],
      generate: (p, real, draw, s) => {
        const z = draw(real.rows);
        const fake = p.G.forward(z);
        const read = p.H.forward(fake);
        const size = z.cols;
        const found = columns(read, 0, size);
        const logits = columns(read, size, read.cols);
        const modes = new Tensor(z.rows, s.modes);
        for (let i = 0; i < z.rows; i++)
          for (let j = 0; j < s.modes; j++) modes.data[i * s.modes + j] = z.data[i * size + j] > 0.5 ? 1 : 0;
        return add(generatorLoss(p.D.forward(fake)), inversionLoss(found, logits, z, modes));
      },
    },
    rpgan: {
      ...GAN,
      title: "Many random projections",
      about: "Eight discriminators, each sees one fixed direction of the plane; G must satisfy all.",
      play: (s) => {
        const players = { G: new MLP([s.latent, ...HIDDEN, 2], s.random), D: [], views: [] };
        for (let k = 0; k < 8; k++) {
          const [a, b] = [s.random.normal(), s.random.normal()];
          players.views.push(tensor(2, 1, [a / Math.hypot(a, b), b / Math.hypot(a, b)]));
          players.D.push(new MLP([1, 16, 16, 1], s.random));
        }
        return players;
      },
      discriminate: (p, real, draw) => {
        const fake = p.G.forward(draw(real.rows));
        return total(p.D.map((d, k) => {
          const see = (x) => d.forward(matmul(x, p.views[k]));
          return discriminatorLoss(see(real), see(fake));
        }));
      },
      generate: (p, real, draw) => {
        const fake = p.G.forward(draw(real.rows));
        const each = p.D.map((d, k) => generatorLoss(d.forward(matmul(fake, p.views[k]))));
        return scale(total(each), 1 / each.length);
      },
      belief: (p, points) => {
        const logits = p.D.map((d, k) => d.forward(matmul(points, p.views[k])));
        return scale(logits.reduce(add), 1 / logits.length);
      },
    },
  };

  const total = (losses) => losses.reduce(add);

  function columns(a, from, to) {
    const out = made(a.rows, to - from, (o) => {
      const g = a.gradient();
      for (let i = 0; i < a.rows; i++)
        for (let j = from; j < to; j++) g[i * a.cols + j] += o.grad[i * (to - from) + j - from];
    });
    for (let i = 0; i < a.rows; i++)
      for (let j = from; j < to; j++) out.data[i * (to - from) + j - from] = a.data[i * a.cols + j];
    return out;
  }

  const weightsOf = (players) => [].concat(players).flatMap((player) => player.weights);

  // A game: one run of one method ------------------------------------------------------------------------------------

  class Game {
    /** settings: {method, seed, data, latent, batch, discriminatorRate, generatorRate, beta1, loss} */
    constructor(settings) {
      this.settings = { latent: 2, batch: 64, beta1: 0.5, loss: "non-saturating", ...settings };
      const s = this.settings;
      this.method = METHODS[s.method];
      this.random = new Random(7919 * s.seed + 17);
      const modes = Math.min(16, Math.max(2, s.data.centres.length || 8));
      this.scope = { ...s, modes, random: this.random };
      this.players = this.method.play(this.scope);
      const learners = this.method.learners.flatMap((name) => weightsOf(this.players[name]));
      this.generator = new Adam(learners, s.generatorRate, s.beta1);
      this.discriminator = new Adam(weightsOf(this.players.D), s.discriminatorRate, s.beta1);
      this.look = this.latents(new Random(s.seed + 104729), 500);
      this.step = 0;
      this.losses = { discriminator: NaN, generator: NaN };
    }

    latents(random, n) {
      return this.method.latents ? this.method.latents(random, n, this.scope) : random.normals(n, this.scope.latent);
    }

    real(n) {
      return this.settings.data.sample(n, this.random);
    }

    discriminatorStep(real = this.real(this.settings.batch)) {
      const loss = this.method.discriminate(this.players, real, (n) => this.latents(this.random, n), this.scope);
      this.losses.discriminator = loss.item();
      this.discriminator.descend(loss);
    }

    generatorStep(real = this.real(this.settings.batch)) {
      const loss = this.method.generate(this.players, real, (n) => this.latents(this.random, n), this.scope);
      this.losses.generator = loss.item();
      this.generator.descend(loss);
    }

    both() {
      const real = this.real(this.settings.batch);
      this.discriminatorStep(real);
      this.generatorStep(real);
      this.step += 1;
    }

    samples() {
      const out = this.players.G.forward(this.look);
      forget();
      return out;
    }

    /** D(x) between 0 and 1 at each row of `points`. */
    belief(points) {
      const logits = this.method.belief(this.players, points).data;
      forget();
      return logits.map(sigmoid);
    }
  }

  // Data and what is measured ----------------------------------------------------------------------------------------

  /** A mixture of equal Gaussians: what the learner draws, and the course's ring and grid. */
  function mixture(centres, sigma) {
    return {
      centres,
      sigma,
      sample(n, random) {
        const out = new Tensor(n, 2);
        for (let i = 0; i < n; i++) {
          const [x, y] = centres[Math.floor(random.uniform() * centres.length)];
          out.data[2 * i] = x + sigma * random.normal();
          out.data[2 * i + 1] = y + sigma * random.normal();
        }
        return out;
      },
    };
  }

  const ring = (modes = 8, radius = 2, sigma = 0.05) =>
    mixture(Array.from({ length: modes }, (_, k) => {
      const angle = (2 * Math.PI * k) / modes;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    }), sigma);

  function grid(side = 5, spacing = 1, sigma = 0.05) {
    const at = (k) => (k - (side - 1) / 2) * spacing;
    return mixture(Array.from({ length: side * side }, (_, k) => [at(k % side), at(Math.floor(k / side))]), sigma);
  }

  /** Modes covered (a sample within 3 sigma), share of samples in a mode, and the mass in place (1 is perfect). */
  function measure(samples, data) {
    const counts = new Array(data.centres.length).fill(0);
    for (let i = 0; i < samples.rows; i++) {
      let best = 0;
      let least = Infinity;
      data.centres.forEach(([x, y], k) => {
        const d = Math.hypot(samples.data[2 * i] - x, samples.data[2 * i + 1] - y);
        if (d < least) [best, least] = [k, d];
      });
      if (least < 3 * data.sigma) counts[best] += 1;
    }
    const inside = counts.reduce((a, b) => a + b, 0) / samples.rows;
    const place = counts.reduce((a, c) => a + Math.min(c / samples.rows, 1 / counts.length), 0);
    return { modes: counts.filter((c) => c > 0).length, of: counts.length, inside, place, counts };
  }

  /** Settings of the course's certified recipes (ganlab/recipes.yaml); what they claim was measured there, in torch. */
  const PRESETS = {
    "ring-healthy": { title: "Healthy ring", data: "ring", generatorRate: 1e-3, discriminatorRate: 1e-3, beta1: 0.5 },
    "strong-discriminator": {
      title: "Too strong a discriminator", data: "ring", generatorRate: 1e-4, discriminatorRate: 1e-2, beta1: 0.5,
    },
    "fast-generator": {
      title: "A generator that is too fast", data: "ring", generatorRate: 2e-3, discriminatorRate: 1e-4, beta1: 0.5,
    },
    momentum: { title: "Too much momentum", data: "ring", generatorRate: 1e-3, discriminatorRate: 1e-3, beta1: 0.98 },
  };

  const api = {
    Adam, Game, METHODS, MLP, PRESETS, Random, Tensor, abs, add, backward, div, exp, forget, grid, linear, log, matmul, mean,
    measure, mixture, mul, relu, ring, root2, scale, softplus, square, sub, sum, tensor, weightsOf,
    losses: {
      discriminatorLoss, generatorLoss, minimaxLoss, regulariser, modeSeekingLoss, sphereLoss, inversionLoss,
    },
  };
  if (typeof module !== "undefined" && module.exports) module.exports = api;
  else root.ganlabEngine = api;
})(typeof globalThis !== "undefined" ? globalThis : this);
