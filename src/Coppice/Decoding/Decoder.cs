using System.Numerics.Tensors;
using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>
/// The two halves of a step of decoding: plan a sequence's part of a pass, and complete it by what the pass gave. Plain decoding is a tree
/// with only a root.
/// </summary>
/// <remarks>
/// Host code: functions of the sequence and the output. A token is chosen the same way whoever else is in the pass, whether its prompt was
/// computed or kept, and however the prompt was cut. After the first steps nothing is allocated, unless log-probabilities are asked for.
/// </remarks>
internal sealed class Decoder
{
    private readonly RowScratch _scratch;
    private readonly HiddenReader _hidden = new();

    /// <summary>A decoder whose sequences have vocabularies of <paramref name="vocabularySize"/>; one thread at a time.</summary>
    public Decoder(int vocabularySize) => _scratch = new RowScratch(vocabularySize);

    /// <summary>
    /// Asks for the next rows of <paramref name="sequence"/>: a piece of its prompt, or its last token with a draft after it.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="request">Receives what to run.</param>
    /// <param name="share">How much of the pass there is for it.</param>
    /// <param name="costs">Times of passes.</param>
    public static void Plan(Sequence sequence, PassRequest request, in PassShare share, PassCosts costs)
    {
        sequence.SwitchFactors();
        var options = sequence.Options;
        request.TopCount = options.TopCount;
        request.Eager = (options.Drafter.Needs & DrafterNeeds.EveryNode) != 0;
        sequence.Tree.Reset(sequence.Tokens[^1], options.Stop);
        // The first token is chosen the same way whether its prompt was computed or kept.
        if (!sequence.IsInPrompt) Draft(sequence, share, costs);
        Fill(sequence, request, share.Rows);
        HiddenReader.Ask(options.Drafter, request);
    }

    /// <summary>The pending tokens, at most <paramref name="rows"/>, with the tree after them.</summary>
    private static void Fill(Sequence sequence, PassRequest request, int rows)
    {
        var pending = sequence.Pending;
        if (pending == 1)
        {
            request.Nodes(sequence.Cache, sequence.Tree, sequence.IsBeyond);
            return;
        }
        var tokens = sequence.Slice(sequence.Cache.Length, Math.Min(sequence.Ready, rows));
        if (sequence.Tree.Count > 1) request.Nodes(sequence.Cache, tokens.Span[..^1], sequence.Tree, sequence.IsBeyond);
        else request.Stretch(sequence.Cache, tokens, nodes: tokens.Length == pending ? 1 : 0, sequence.IsBeyond);
    }

    /// <summary>Chooses, commits to the cache, hands the tokens to <paramref name="sink"/>, and tells the drafter.</summary>
    /// <param name="sequence">The sequence that was planned.</param>
    /// <param name="request">Its part of the pass, which has run.</param>
    /// <param name="sink">Gets the tokens; none for a piece of a prompt.</param>
    /// <returns>Nodes accepted, the root among them; 0 for a piece of a prompt.</returns>
    public int Complete(Sequence sequence, PassRequest request, ITokenSink sink)
    {
        var (drafter, position) = (sequence.Options.Drafter, sequence.Cache.Length);
        _hidden.TellPrompt(drafter, request, position);
        if (request.NodeCount == 0)
        {
            sequence.Cache.Advance(request.Rows);
            return 0;
        }
        var output = request.Output;
        if (request.Eager) output.ComputeAll();
        var accepted = Walk(sequence, output, out var next);
        var path = sequence.Path.AsSpan(0, accepted);
        if (request.Depths.IsEmpty) sequence.Cache.Advance(request.Rows);
        else sequence.Cache.Commit(Rows(sequence, path, request.FirstNode));
        var kept = Emit(sequence, output, path, next, sink);
        if (sequence.Cache.Length > sequence.Count) sequence.Cache.Truncate(sequence.Count);
        drafter.Accept(new VerificationResult
        {
            Tree = sequence.Tree,
            Path = path,
            Tokens = sequence.Tokens,
            Emitted = sequence.Tokens[^kept..],
            Best = output.Top(drafter.TopCount),
            Hidden = _hidden.OfPath(drafter, request, path, position + request.FirstNode),
        });
        if (sequence.Finished is null && sequence.Options.Constraint is { BackTo: not null } constraint) GoBack(sequence, constraint, sink);
        return accepted;
    }

    /// <summary>Takes back the line that a denied text would have ended.</summary>
    private static void GoBack(Sequence sequence, SequenceConstraint constraint, ITokenSink sink)
    {
        sequence.GoBackTo(sequence.PromptLength + constraint.BackTo!.Value);
        constraint.GoBack();
        sink.TakeBack();
        sequence.Options.Drafter.Begin(sequence.Tokens);
    }

    /// <summary>The rows of the accepted nodes, and of the tokens in front of the tree.</summary>
    private static ReadOnlySpan<int> Rows(Sequence sequence, ReadOnlySpan<int> path, int before)
    {
        if (before == 0) return path;
        var rows = sequence.Rows.AsSpan(0, before + path.Length);
        for (var i = 0; i < rows.Length; i++) rows[i] = i < before ? i : before + path[i - before];
        return rows;
    }

    /// <summary>
    /// Chooses from the row that was kept because a constraint did not know its mask yet; where it still does not, the row stays.
    /// </summary>
    public void Resume(Sequence sequence, ITokenSink sink)
    {
        var options = sequence.Options;
        var path = sequence.Path.AsSpan(0, 1);
        sequence.Tree.Reset(sequence.Tokens[^1], options.Stop);
        _scratch.Watch.Restart();
        path[0] = 0;
        if (!options.Constraint!.TryRestart()) return;
        var next = new LogitRows(sequence, null, _scratch).Choose(sequence.Tree, 0);
        if (next < 0 && options.Constraint.BackTo is null) return;
        sequence.IsHeld = false;
        if (next >= 0) _scratch.Watch.Take(next, options);
        var kept = Emit(sequence, null, path, next, sink);
        options.Drafter.Accept(new VerificationResult
        {
            Tree = sequence.Tree,
            Path = path,
            Tokens = sequence.Tokens,
            Emitted = sequence.Tokens[^kept..],
            Best = default,
        });
        if (sequence.Finished is null && options.Constraint.BackTo is not null) GoBack(sequence, options.Constraint, sink);
    }

    private static void Draft(Sequence sequence, in PassShare share, PassCosts costs)
    {
        var before = sequence.Pending - 1;
        var depth = sequence.MostDepth();
        var nodes = Math.Min(sequence.Tree.Capacity, share.TreeRows) - before;
        if (depth <= 0 || nodes < 2) return;
        // A rule that waits for others must be left alone until it has its answer.
        if (sequence.Options.Constraint?.IsPreparing == true) return;
        // The guard weighs drafts against plain passes, so there have to be some first.
        if (sequence.Options.Guard is { } guard && !(costs.IsMeasured && guard.Allows(sequence.GeneratedCount))) return;
        var request = new DraftRequest
        {
            Tokens = sequence.Tokens,
            MaxNodes = nodes,
            MaxDepth = depth,
            Sampler = sequence.Options.Sampler,
            Filter = sequence.Options.Constraint,
            Costs = costs,
            OtherRows = share.OtherRows,
            OtherTokens = share.OtherTokens,
            RowSeconds = share.RowSeconds,
        };
        sequence.Options.Constraint?.TryRestart();
        sequence.Options.Drafter.Draft(request, sequence.Tree);
    }

    /// <summary>Accepts by the rule that fits how the tree was drafted and how tokens are chosen.</summary>
    private int Walk(Sequence sequence, PassOutput output, out int next)
    {
        var (options, tree, path) = (sequence.Options, sequence.Tree, sequence.Path);
        var rows = new LogitRows(sequence, output, _scratch);
        if (options.Constraint?.TryRestart() == false)
        {
            // It is asking for what follows a draft: the draft is let go, and its own row waits.
            sequence.Hold(output, 0);
            (path[0], next) = (0, -1);
            return 1;
        }
        if (options.Typical is { } rule) return TypicalVerifier.Walk(tree, rows, rule, path, out next);
        _scratch.Watch.Restart();
        var accepted = tree.IsSampled && !options.Sampler.IsGreedy
            ? ResidualVerifier<double>.Walk(
                tree, options.Drafter.Proposals, rows, new PhiloxDraws(options.Sampler.Seed, sequence.Count), path, out next)
            : Verifier.Walk(tree, rows, path, out next);
        if (next >= 0) _scratch.Watch.Take(next, options);
        return accepted;
    }

    /// <summary>
    /// Appends what was chosen and what a constraint then forces, cut where the text ends; returns how many tokens that were.
    /// </summary>
    private int Emit(Sequence sequence, PassOutput? output, ReadOnlySpan<int> path, int next, ITokenSink sink)
    {
        var constraint = sequence.Options.Constraint;
        // Where the line is taken back, or the constraint waits for others, nothing was chosen.
        var isChosen = next >= 0;
        if (isChosen)
        {
            constraint?.MoveTo(sequence.Tree, path[^1]);
            constraint?.Take(next);
        }
        var kept = 0;
        while (kept < path.Length - (isChosen ? 0 : 1) && sequence.Finished is null)
        {
            var token = kept + 1 < path.Length ? sequence.Tree.Tokens[path[kept + 1]] : next;
            Append(sequence, token, LogProbs(sequence, output, path, kept, token), sink);
            kept++;
        }
        // The log-probabilities of a token need a row of its own.
        while (isChosen && sequence.Finished is null && sequence.Options.LogProbs is null
            && constraint?.TryTakeForced(out var forced) == true)
        {
            Append(sequence, forced, null, sink);
            kept++;
        }
        if (constraint?.StandsAt(path[^1]) != true) return kept;
        constraint.Commit();
        if (constraint.BackTo is null && sequence.Finished is null) constraint.BeginPreparing();
        return kept;
    }

    /// <summary>What is reported of the token after the accepted node at <paramref name="depth"/>; null for nothing.</summary>
    private TokenLogProbs? LogProbs(Sequence sequence, PassOutput? output, ReadOnlySpan<int> path, int depth, int token)
    {
        if (sequence.Options.LogProbs is not { } count) return null;
        if (sequence.Options.FinalLogProbs) return _scratch.Watch.LogProbs[depth];
        if (output is null) return LogProbabilities.Of(sequence.Held, token, count);
        output.Download(path[depth], _scratch.Logits);
        return LogProbabilities.Of(_scratch.Logits, token, count);
    }

    private static void Append(Sequence sequence, int token, TokenLogProbs? logProbs, ITokenSink sink)
    {
        sequence.Append(token);
        var end = End(sequence, token);
        sequence.Finished = sink.Take(token, logProbs, end) ? FinishReason.Stop : end;
    }

    private static FinishReason? End(Sequence sequence, int token)
    {
        var stop = sequence.Options.Stop;
        if (stop.Ends(token)) return FinishReason.Eos;
        if (sequence.Options.Constraint?.EndsAfter == sequence.GeneratedCount) return FinishReason.Stop;
        return sequence.GeneratedCount >= stop.MaxTokens || sequence.Count >= sequence.ContextLength ? FinishReason.Length : null;
    }

    /// <summary>Rows of logits on the host, shared by all sequences of a decoder.</summary>
    private sealed class RowScratch(int vocabularySize)
    {
        public float[] Logits { get; } = new float[vocabularySize];
        /// <summary>Unnormalised probabilities of a row; only rules that need more than a choice ask for them.</summary>
        public double[] Weights => field ??= new double[vocabularySize];
        /// <summary>The row of the node that was chosen at last, for what is told of every token.</summary>
        public WatchedRow Watch { get; } = new(vocabularySize);
    }

    /// <summary>
    /// The target's choices and distributions, by one row of logits for each node, or, where there is no output, by the row that was kept.
    /// </summary>
    private readonly struct LogitRows(Sequence sequence, PassOutput? output, RowScratch scratch) : ITokenChoice, ITargetDistribution<double>
    {
        public int Choose(TokenTree tree, int node)
        {
            ReadOnlySpan<ulong> mask = default;
            Follow(tree, node);
            if (sequence.Options.Constraint is { } constraint)
            {
                constraint.MoveTo(tree, node);
                if (constraint.IsOver) return 0;
                if (constraint.Forced is var forced and >= 0) return forced;
                if (!constraint.TryPrepare())
                {
                    if (output is not null) sequence.Hold(output, node);
                    return -1;
                }
                mask = constraint.Mask();
            }
            var sampler = sequence.Options.Sampler;
            var candidates = output is null ? 0 : sequence.Options.Candidates;
            if (IsTakenBack(node, candidates)) return -1;
            if (sequence.Options.Asap is { } asap) return ChooseAligned(node, mask, asap);
            var tokens = sequence.TokensTo(node);
            if (candidates > 0 && sampler.Choose(tokens, output!.Best(node, candidates, out var largest), largest, mask) is { } token)
                return token;
            Read(node, mask);
            var chosen = sequence.Options.WatchesFinal ? ChooseWatched(tokens) : sampler.Choose(tokens, scratch.Logits);
            if (float.IsNegativeInfinity(scratch.Logits[chosen])) throw NoToken(node);
            return chosen;
        }

        public Span<double> Weights(TokenTree tree, int node)
        {
            ReadOnlySpan<ulong> mask = default;
            Follow(tree, node);
            if (sequence.Options.Constraint is { } constraint)
            {
                constraint.MoveTo(tree, node);
                if (constraint.IsOver || constraint.Forced >= 0)
                {
                    scratch.Weights.AsSpan().Clear();
                    scratch.Weights[Math.Max(constraint.Forced, 0)] = 1;
                    return scratch.Weights;
                }
                mask = constraint.Mask();
            }
            // Typical acceptance also asks for nodes that the text does not go to.
            if (sequence.Options.Typical is null) IsTakenBack(node, candidates: 0);
            Load(node, sequence.TokensTo(node), mask);
            sequence.Options.Sampler.Weights(scratch.Logits, scratch.Weights);
            if (float.IsNegativeInfinity(TensorPrimitives.Max<float>(scratch.Logits))) throw NoToken(node);
            return scratch.Weights;
        }

        /// <summary>
        /// By ASAp: of the tokens that the mask leaves, each by its probability times what is known of how much of it stays in the grammar.
        /// </summary>
        private int ChooseAligned(int node, ReadOnlySpan<ulong> mask, AsapCursor cursor)
        {
            var sampler = sequence.Options.Sampler;
            var tokens = sequence.TokensTo(node);
            var weights = scratch.Weights.AsSpan();
            Load(node, tokens, mask: default);
            sampler.Weights(scratch.Logits, weights);
            var all = TensorPrimitives.Sum<double>(weights);
            for (var id = 0; id < weights.Length; id++)
                if (!TokenMask.Allows(mask, id)) weights[id] = 0;
            cursor.Visit(Math.Min(TensorPrimitives.Sum<double>(weights) / all, 1));
            cursor.Weigh(weights);
            if (!(TensorPrimitives.Max<double>(weights) > 0)) throw NoToken(node);
            var token = Sampler.Draw(weights, Philox.Uniform(sampler.Seed, RandomStream.Target, tokens.Length));
            // The probability is kept of a token that has never come, and the weight of such a token is what it was.
            if (!sequence.Options.Stop.Ends(token)) cursor.Descend(token, Math.Min(weights[token] / all, 1));
            return token;
        }

        /// <summary>Tells the deny list of the model's own choice where that is denied; true where the line is then taken back.</summary>
        private bool IsTakenBack(int node, int candidates)
        {
            if (sequence.Options.Constraint is not { HasDeny: true } constraint) return false;
            var best = candidates > 0 ? output!.Best(node, candidates, out _)[0] : -1;
            if (best >= 0 && !constraint.IsDenied(best)) return false;
            Download(node);
            if (best < 0) best = Sampler.ArgMax(scratch.Logits);
            return constraint.IsDenied(best)
                && constraint.JudgeDenied(best, Math.Exp(LogProbabilities.Of(scratch.Logits, best, count: 0).Chosen));
        }

        /// <summary>The walk has come to <paramref name="node"/>: its token was chosen after the node above it.</summary>
        private void Follow(TokenTree tree, int node)
        {
            if (node != 0) scratch.Watch.Take(tree.Tokens[node], sequence.Options);
        }

        /// <summary>Reads the row of <paramref name="node"/> and runs the processors over it.</summary>
        private void Load(int node, ReadOnlySpan<int> tokens, ReadOnlySpan<ulong> mask)
        {
            Read(node, mask);
            Process(tokens);
        }

        private void Read(int node, ReadOnlySpan<ulong> mask)
        {
            var sampler = sequence.Options.Sampler;
            Download(node);
            if (sampler.Mirostat is { Basis: SurpriseBasis.Full }) scratch.Watch.Raw(scratch.Logits);
            TokenMask.Apply(mask, scratch.Logits);
            scratch.Watch.Teaches = sampler.Mirostat is not null && !TokenMask.AllowsOne(mask);
        }

        private void Download(int node)
        {
            if (output is null) sequence.Held.CopyTo(scratch.Logits);
            else output.Download(node, scratch.Logits);
        }

        private void Process(ReadOnlySpan<int> tokens)
        {
            sequence.Options.Sampler.Process(tokens, scratch.Logits);
            if (sequence.Options.WatchesFinal) scratch.Watch.Final(scratch.Logits);
        }

        /// <summary>The choice where the whole row that it was drawn from is asked for.</summary>
        private int ChooseWatched(ReadOnlySpan<int> tokens)
        {
            Process(tokens);
            return sequence.Options.Sampler.Pick(tokens.Length, scratch.Logits);
        }

        private NoValidTokenException NoToken(int node)
        {
            Download(node);
            return new NoValidTokenException(
                sequence.TokensTo(node).Length, LogProbabilities.Of(scratch.Logits, 0, count: 5).Best,
                sequence.Options.Constraint?.Describe());
        }
    }
}
