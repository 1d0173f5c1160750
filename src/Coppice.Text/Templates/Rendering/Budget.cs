using System.Runtime.CompilerServices;

namespace Coppice.Text.Templates;

/// <summary>Counts the work of one rendering and stops it at the limits.</summary>
internal sealed class Budget(TemplateLimits limits)
{
    /// <summary>The largest integer, in bits, that arithmetic may produce.</summary>
    private const long MaxIntegerBits = 1 << 16;

    private long _steps;
    private int _depth;

    /// <summary>Counts <paramref name="steps"/> units of work.</summary>
    public void Spend(long steps = 1)
    {
        _steps += steps;
        if (_steps > limits.MaxSteps)
            throw TemplateException.Limit($"rendering must end within {limits.MaxSteps} steps, and did not (does the template loop?)");
    }

    /// <summary>Counts a container of <paramref name="elements"/> elements about to be made.</summary>
    public void SpendOnContainer(long elements) => Spend(8 + 4 * elements);

    /// <summary>Counts a string of <paramref name="characters"/> UTF-16 units about to be made.</summary>
    public void SpendOnText(long characters)
    {
        CheckText(characters);
        Spend(1 + characters / 16);
    }

    /// <summary>Refuses a text of <paramref name="characters"/> UTF-16 units if that is too long.</summary>
    public void CheckText(long characters)
    {
        if (characters > limits.MaxCharacters)
            throw TemplateException.Limit($"a text must be at most {limits.MaxCharacters} characters long, found {characters}");
    }

    /// <summary>Refuses integers that would take more than a fixed number of bits.</summary>
    public void CheckIntegerBits(long bits)
    {
        if (bits > MaxIntegerBits) throw TemplateException.Limit($"an integer must fit {MaxIntegerBits} bits, found {bits}");
        Spend(bits / 512);
    }

    /// <summary>Goes one level deeper; each call is paired with <see cref="Leave"/>.</summary>
    public void Enter()
    {
        Spend();
        // The depth bounds what is decided by the template, the stack what is decided by the caller's thread.
        if (++_depth > limits.MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateException.Limit(
                $"nesting must be at most {limits.MaxDepth} levels deep, and was deeper (does a macro call itself?)");
    }

    /// <summary>Comes back from one level.</summary>
    public void Leave() => _depth--;
}
