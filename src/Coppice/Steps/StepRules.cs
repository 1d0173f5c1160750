using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Text;

namespace Coppice;

/// <summary>What all forks of one text have in common.</summary>
/// <param name="Options">Checked.</param>
/// <param name="Prompt">Its tokens.</param>
/// <param name="Stop">What ends it.</param>
/// <param name="Limit">Tokens that can be generated at most.</param>
internal sealed record StepRules(GenerationOptions Options, int[] Prompt, StopRule Stop, int Limit)
{
    /// <summary>Null where the model has none.</summary>
    public Tokenizer? Tokenizer { get; init; }
    /// <summary>Null where DRY is not used.</summary>
    public DryBreakers? Breakers { get; init; }
    /// <summary>Makes the constraint, before its first token; null for none.</summary>
    public Func<SequenceConstraint>? Constraint { get; init; }

    /// <summary>The chain of samplers, with draws of their own for every <paramref name="stream"/>.</summary>
    public Sampler Sampler(ulong stream) =>
        (Options with { Seed = unchecked(Options.Seed + stream) }).CreateSampler(Prompt.Length, Stop.EndIds, Breakers);

    /// <summary>A choice of the most probable token.</summary>
    public Sampler Greedy() => (Options with { Temperature = 0 }).CreateSampler(Prompt.Length, Stop.EndIds, Breakers);
}
