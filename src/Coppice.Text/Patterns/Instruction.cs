
namespace Coppice.Text.Patterns;

/// <summary>One step of a compiled pattern; which fields count depends on the operation.</summary>
internal struct Instruction
{
    public Operation Operation;
    public int Target;
    public int Other;
    public CharacterSet? Set;
    public int Least;
    public int Most;
    public Greed Greed;
    public Place Place;
    public bool Negated;
    public bool Behind;
    public ChoiceTable? Choice;
    public PatternProgram? Inner;
}
