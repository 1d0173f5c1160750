using Coppice.Decoding.Sampling;
using Coppice.Kernels;

namespace Coppice.Models;

/// <summary>The forward pass of every family, written once over the ops of a back end: embed, layers, norm, head.</summary>
/// <remarks>
/// Matrix products run over the rows of all sequences of a batch together, attention for each sequence. A row's result does not depend on
/// the others. Owns nothing. One thread at a time, because the back end is.
/// </remarks>
internal sealed class Transformer(Backend backend, ModelSpec spec, ModelWeights weights, RopeTables ropes)
{
    /// <summary>What the pass computes with.</summary>
    public Backend Backend { get; } = backend;
    /// <summary>The model.</summary>
    public ModelSpec Spec { get; } = spec;

    /// <summary>
    /// Runs all layers over the rows of <paramref name="batch"/>; the residual stream stays in the workspace for <see cref="Logits"/>.
    /// </summary>
    /// <remarks>
    /// Keys and values are appended to the caches after their length; the caller then advances or commits them. What
    /// <paramref name="states"/> was asked for is kept there.
    /// </remarks>
    /// <exception cref="ArgumentException">A cache does not have room for its rows.</exception>
    public void Forward(ForwardBatch batch, Workspace w, HiddenStates states)
    {
        Begin(batch, w);
        var rows = batch.Rows;
        Embed(batch.MixedRows, w, w.Residual.Slice(0, rows), w.Normed.Slice(0, rows));
        RunLayers(batch, w, states);
    }

    /// <summary>
    /// Runs all layers over rows that begin as given states instead of the embeddings of their tokens; nothing of them is kept on the way.
    /// </summary>
    /// <param name="batch">The rows; their tokens are not looked at.</param>
    /// <param name="w">The workspace.</param>
    /// <param name="inputs">[rows, hidden]: what the first layer reads.</param>
    /// <exception cref="ArgumentException">A cache does not have room for its rows.</exception>
    public void Forward(ForwardBatch batch, Workspace w, ReadOnlySpan<float> inputs)
    {
        Begin(batch, w);
        Backend.Upload(inputs, w.Residual.Slice(0, batch.Rows));
        RunLayers(batch, w, states: null);
    }

    private void Begin(ForwardBatch batch, Workspace w)
    {
        foreach (var segment in batch.Segments) segment.Cache.Reserve(segment.Rows, segment.Earlier);
        Upload(batch, w);
    }

    private void RunLayers(ForwardBatch batch, Workspace w, HiddenStates? states)
    {
        var rows = batch.Rows;
        var (x, h, projected) = (w.Residual.Slice(0, rows), w.Normed.Slice(0, rows), w.Projected.Slice(0, rows));
        if (Spec.Placement == NormPlacement.AfterSum)
        {
            for (var i = 0; i < weights.Layers.Length; i++)
            {
                states?.Keep(i - 1, x);
                SummedLayer(i, batch, w, x, projected);
            }
            return;
        }
        var parallel = Spec.Placement is NormPlacement.ParallelShared or NormPlacement.ParallelSeparate;
        var delta = default(Tensor);        // what the sublayer before has still to add to x
        for (var i = 0; i < weights.Layers.Length; i++)
        {
            var layer = weights.Layers[i];
            var input = AddNorm(x, delta, layer.AttentionNorm, layer.AttentionNormBias, h);
            states?.Keep(i - 1, x);     // only now is x whole: the norm adds what the layer before has left
            Attention(i, batch, w, input, projected);
            if (parallel)
            {
                if (!layer.MlpNorm.IsEmpty) Norm(x, layer.MlpNorm, layer.MlpNormBias, input = h);
                Backend.Add(x, projected, Spec.ResidualScale, x);
            }
            else
            {
                if (!layer.PostAttentionNorm.IsEmpty) Norm(projected, layer.PostAttentionNorm, layer.PostAttentionNormBias, projected);
                input = AddNorm(x, projected, layer.MlpNorm, layer.MlpNormBias, h);
            }
            delta = Spec.Layers[i].Sparse ? Experts(layer, w, input, x) : Mlp(layer, w, input, projected);
            if (!layer.PostMlpNorm.IsEmpty) Norm(delta, layer.PostMlpNorm, layer.PostMlpNormBias, delta);
        }
        if (!delta.IsEmpty) Backend.Add(x, delta, Spec.ResidualScale, x);
    }

    /// <summary>
    /// The last hidden states [count, hidden] of rows of the last pass, as the head reads them: after the final norm, where there is one.
    /// Valid until the next call.
    /// </summary>
    public Tensor Final(Workspace w, int first, int count)
    {
        var x = w.Residual.Slice(first, count);
        if (weights.FinalNorm.IsEmpty) return x;
        var normed = w.Normed.Slice(first, count);
        Norm(x, weights.FinalNorm, weights.FinalNormBias, normed);
        return normed;
    }

    /// <summary>
    /// Logits [rows, vocabulary] of the rows of the last pass that are named; at most as many as the workspace has room for.
    /// </summary>
    /// <param name="w">The workspace of the pass.</param>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="place">Where their logits go in the workspace's: those before it stay.</param>
    /// <param name="best">[rows, k]: the largest logits of each row, largest first; empty where they are not asked for.</param>
    /// <param name="bestTokens">[rows, k], I32: their tokens, of equal logits the lower id first.</param>
    public Tensor Logits(Workspace w, ReadOnlySpan<int> rows, int place = 0, Tensor best = default, Tensor bestTokens = default)
    {
        var (indices, x, logits) =
            (w.LogitRows.Slice(place, rows.Length), w.Gathered.Slice(place, rows.Length), w.Logits.Slice(place, rows.Length));
        Backend.Upload(rows, indices);
        Backend.CopyRows(w.Residual, indices, x);
        Norm(x, weights.FinalNorm, weights.FinalNormBias, x);
        var final = Spec.LogitScale == 1 && Spec.LogitSoftCap == 0;
        if (final && !best.IsEmpty)
        {
            Backend.MatMulTopK(x, weights.Head, weights.HeadBias, logits, best, bestTokens);
            return logits;
        }
        Backend.MatMul(x, weights.Head, weights.HeadBias, logits);
        if (!final) Backend.SoftCap(logits, Spec.LogitScale, Spec.LogitSoftCap, logits);
        if (!best.IsEmpty) Backend.TopK(logits, best, bestTokens);
        return logits;
    }

    private void Upload(ForwardBatch batch, Workspace w)
    {
        Backend.Upload(batch.Tokens, w.Tokens.Slice(0, batch.Rows));
        Backend.Upload(batch.Positions, w.Positions.Slice(0, batch.Rows));
        Backend.Upload(batch.RopePositions, w.RopePositions.Slice(0, batch.Rows));
        if (Spec.TokenTypes > 0) Backend.Upload(batch.TokenTypes, w.TokenTypes.Slice(0, batch.Rows));
        if (batch.MixedRows > 0)
        {
            Backend.Upload(batch.Mixed, w.MixedRows.Slice(0, batch.MixedRows));
            Backend.Upload(batch.MixtureIds, w.MixtureIds.Slice(0, batch.MixedRows));
            Backend.Upload(batch.MixtureWeights, w.MixtureWeights.Slice(0, batch.MixedRows));
        }
        if (batch.TreeRows == 0) return;
        Backend.Upload(batch.Depths, w.Depths.Slice(0, batch.TreeRows));
        Backend.Upload(batch.Paths, w.Paths.Slice(0, batch.TreeRows));
    }

    /// <summary>
    /// x = the embedding of a token or of a mixture, its type's and its position's, normalised where the family does;
    /// <paramref name="part"/> is scratch.
    /// </summary>
    private void Embed(int mixed, Workspace w, Tensor x, Tensor part)
    {
        Backend.Embed(w.Tokens.Slice(0, x.Rows), weights.Embedding, Spec.EmbeddingScale, x);
        if (mixed > 0)
        {
            Backend.EmbedMixture(
                w.MixtureIds.Slice(0, mixed), w.MixtureWeights.Slice(0, mixed), w.MixedRows.Slice(0, mixed), weights.Embedding,
                Spec.EmbeddingScale, x);
        }
        if (Spec.TokenTypes > 0)
        {
            Backend.Embed(w.TokenTypes.Slice(0, x.Rows), weights.TokenTypes, 1, part);
            Backend.Add(x, part, 1, x);
        }
        if (Spec.LearnedPositions > 0)
        {
            Backend.Embed(w.Positions.Slice(0, x.Rows), weights.Positions, 1, part);
            Backend.Add(x, part, 1, x);
        }
        if (Spec.EmbeddingNorm) Norm(x, weights.EmbeddingNorm, weights.EmbeddingNormBias, x);
    }

    /// <summary>x = norm(x + attention(x)); x = norm(x + mlp(x)).</summary>
    private void SummedLayer(int index, ForwardBatch batch, Workspace w, Tensor x, Tensor projected)
    {
        var layer = weights.Layers[index];
        Attention(index, batch, w, x, projected);
        Backend.Add(x, projected, Spec.ResidualScale, x);
        Norm(x, layer.PostAttentionNorm, layer.PostAttentionNormBias, x);
        Backend.Add(x, Mlp(layer, w, x, projected), Spec.ResidualScale, x);
        Norm(x, layer.PostMlpNorm, layer.PostMlpNormBias, x);
    }

    private void Attention(int index, ForwardBatch batch, Workspace w, Tensor input, Tensor y)
    {
        var (layer, place) = (weights.Layers[index], Spec.Layers[index]);
        var qkv = w.Qkv.Slice(0, batch.Rows);
        Backend.MatMul(input, layer.Qkv, layer.QkvBias, qkv);
        var queries = qkv.Columns(0, Spec.QueryWidth);
        var keys = qkv.Columns(Spec.QueryWidth, Spec.KvWidth);
        var values = qkv.Columns(Spec.QueryWidth + Spec.KvWidth, Spec.KvWidth).Heads(Spec.KvHeads);
        if (!layer.QueryNorm.IsEmpty)
        {
            QueryKeyNorm(queries, Spec.QueryHeads, layer.QueryNorm);
            QueryKeyNorm(keys, Spec.KvHeads, layer.KeyNorm);
        }
        if (place.Rope is { } rope)
        {
            var (cosines, sines) = ropes[rope];
            var turned = qkv.Columns(0, Spec.QueryWidth + Spec.KvWidth).Heads(Spec.QueryHeads + Spec.KvHeads);
            Backend.Rope(turned, w.RopePositions.Slice(0, batch.Rows), cosines, sines, Spec.Ropes[rope].Pairing);
        }
        foreach (var segment in batch.Segments)
            segment.Attention?.Keep(index, Backend, qkv.Slice(segment.FirstRow, segment.Rows), segment.Cache.Length);
        var attended = w.Attended.Slice(0, batch.Rows);
        var kept = Spec.IsEncoder ? 0 : index;
        using (batch.Segments.Length > 1 ? Backend.Together() : default)
        {
            foreach (var (cache, first, rows, _, _, _, _) in batch.Segments)
                cache.Append(kept, keys.Heads(Spec.KvHeads).Slice(first, rows), values.Slice(first, rows));
        }
        using (batch.Segments.Length > 1 ? Backend.Together() : default)
        {
            foreach (var (cache, first, rows, treeRow, earlier, deepest, _) in batch.Segments)
            {
                var mask = treeRow is { } node
                    ? AttentionMask.Tree(
                        cache.Length, w.Paths.Slice(node, rows), w.Depths.Slice(node, rows), deepest, place.Window, earlier + rows)
                    : Spec.IsEncoder ? AttentionMask.Full(cache.Length + earlier)
                    : AttentionMask.Causal(cache.Length + earlier, place.Window);
                cache.Attend(kept, queries.Heads(Spec.QueryHeads).Slice(first, rows), mask, Spec.AttentionScale, Spec.AttentionSoftCap,
                    attended.Heads(Spec.QueryHeads).Slice(first, rows));
            }
        }
        Backend.MatMul(attended, layer.Output, layer.OutputBias, y);
    }

    private Tensor Mlp(LayerWeights layer, Workspace w, Tensor input, Tensor y)
    {
        var up = w.Up.Slice(0, input.Rows).Columns(0, layer.Up.Outputs);
        Backend.MatMul(input, layer.Up, layer.UpBias, up);
        Backend.MatMul(Activate(up, Spec.MlpSize), layer.Down, layer.DownBias, y);
        return y;
    }

    /// <summary>
    /// x += Σ weight · expert(input) over each row's experts, one expert after the other in ascending order, so that a row's sum has one
    /// order.
    /// </summary>
    private Tensor Experts(LayerWeights layer, Workspace w, Tensor input, Tensor x)
    {
        var (experts, routing, rows) = (Spec.Experts!, w.Routing!, input.Rows);
        var (scores, best, indices) = (w.RouterScores.Slice(0, rows), w.ExpertWeights.Slice(0, rows), w.ExpertIndices.Slice(0, rows));
        Backend.MatMul(input, layer.Router, default, scores);
        Backend.Softmax(scores, scores);
        Backend.TopK(scores, best, indices);
        Backend.Download(best, routing.Weights.AsSpan(0, rows * experts.PerToken));
        Backend.Download(indices, routing.Indices.AsSpan(0, rows * experts.PerToken));
        routing.Group(rows, Spec.ResidualScale);
        Backend.Upload(routing.Rows, w.ExpertRows.Slice(0, routing.Rows.Length));
        Backend.Upload(routing.Scales, w.ExpertScales.Slice(0, routing.Rows.Length));
        for (var e = 0; e < experts.Count; e++)
        {
            var (first, count) = routing.Range(e);
            if (count == 0) continue;
            var (chosen, scales) = (w.ExpertRows.Slice(first, count), w.ExpertScales.Slice(first, count));
            var (part, up) = (w.ExpertInput.Slice(0, count), w.Up.Slice(0, count).Columns(0, layer.Experts[e].Up.Outputs));
            Backend.CopyRows(input, chosen, part);
            Backend.MatMul(part, layer.Experts[e].Up, default, up);
            Backend.MatMul(Activate(up, experts.MlpSize), layer.Experts[e].Down, default, part);
            Backend.AddRows(part, chosen, scales, x);
        }
        return default;
    }

    /// <summary>f(gate) · up, or f(up) where there is no gate, in place: [rows, width].</summary>
    private Tensor Activate(Tensor up, int width)
    {
        var activated = up.Columns(0, width);
        if (Spec.GatedMlp) Backend.GatedActivation(activated, up.Columns(width, width), Spec.Activation, activated);
        else Backend.Map(activated, Spec.Activation, activated);
        return activated;
    }

    private void QueryKeyNorm(Tensor x, int heads, Tensor weight)
    {
        var view = weight.Last == x.Last ? x : x.Heads(heads);
        Backend.RmsNorm(view, weight, Spec.NormEpsilon, view);
    }

    /// <summary>
    /// x += residualScale · delta, where there is one; then the norm of x in <paramref name="y"/>, or x itself where the layer has no norm
    /// here.
    /// </summary>
    private Tensor AddNorm(Tensor x, Tensor delta, Tensor weight, Tensor bias, Tensor y)
    {
        if (!delta.IsEmpty && !weight.IsEmpty && Spec.Norm == NormKind.Rms)
        {
            Backend.AddRmsNorm(x, delta, Spec.ResidualScale, weight, Spec.NormEpsilon, y);
            return y;
        }
        if (!delta.IsEmpty) Backend.Add(x, delta, Spec.ResidualScale, x);
        if (weight.IsEmpty) return x;
        Norm(x, weight, bias, y);
        return y;
    }

    private void Norm(Tensor x, Tensor weight, Tensor bias, Tensor y)
    {
        if (Spec.Norm == NormKind.Rms) Backend.RmsNorm(x, weight, Spec.NormEpsilon, y);
        else Backend.LayerNorm(x, weight, bias, Spec.NormEpsilon, y);
    }
}
